/* Prints the sum over all ranks of rank + 1. `abort N`: rank N aborts with code 7 before it. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    int rank, size, one, sum = 0;
    char line[80];

    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    if (argc > 2 && !strcmp(argv[1], "abort") && rank == atoi(argv[2]))
        MPI_Abort(MPI_COMM_WORLD, 7);
    one = rank + 1;
    MPI_Allreduce(&one, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    /* One write a line: ranks may share a file or pipe. */
    snprintf(line, sizeof line, "rank %d of %d: sum %d\n", rank, size, sum);
    fputs(line, stdout);
    fflush(stdout);
    MPI_Finalize();
    return 0;
}
