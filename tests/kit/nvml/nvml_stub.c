/* A stand-in for libnvidia-ml.so.1: answers NVML calls from a description of a machine, so that the calls of the real
 * Python module can be exercised where there is no GPU. Signatures and return codes follow NVIDIA's NVML API reference.
 *
 * The description is the file named by $MGPU_NVML_STUB, a line a fact; what is not described is "not supported".
 *
 *   init CODE                what nvmlInit returns          driver TEXT       driver version
 *   count CODE               what the count call returns    hang SECONDS      nvmlInit takes that long
 *   crash 1                  nvmlInit ends the process      noise TEXT        nvmlInit prints TEXT
 *   gpu                      begins a GPU; the following belong to it
 *     name TEXT | uuid TEXT | minor N | bus 00000000:07:00.0 | memory BYTES
 *     cpus HEX[,HEX...] | nodes HEX        affinity, 64-bit words, lowest first
 *     ecc N | rows CORR UNC PENDING FAILED | pages PENDING
 *     link gpu BUS | link switch BUS | link unknown BUS | link hidden | link down     its next NVLink
 *     mig ENABLED | slice NAME;UUID;GI;CI;MIB;GPU_SLICES;COMPUTE_SLICES
 *     process PID BYTES LOAD a process that uses it
 *     fail FUNCTION CODE     this call fails for this GPU
 *     lost_after N           the Nth and all later calls say that the GPU is lost
 *   pair I J LEVEL           common ancestor                p2p I J STATUS    NVLink status of a pair
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define API __attribute__((visibility("default")))
#define MAX_GPUS 16
#define MAX_LINKS 18
#define MAX_SLICES 8
#define MAX_FAILS 16
#define MAX_PROCESSES 8

enum { SUCCESS = 0, UNINITIALIZED = 1, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7,
       GPU_IS_LOST = 15, UNKNOWN = 999 };
enum { END_DOWN, END_GPU, END_SWITCH, END_UNKNOWN, END_HIDDEN };

typedef struct { char legacy[16]; unsigned domain, bus, device, id, subsystem; char bus_id[32]; } pci_info;
typedef struct { unsigned long long total, free, used; } memory_info;
typedef struct { unsigned pid; unsigned long long bytes; unsigned gi, ci; } process_info;
typedef struct { unsigned pid; unsigned long long time; unsigned sm, memory, encoder, decoder; } process_load;
typedef struct { unsigned sm, copy, decoder, encoder, jpeg, ofa, gpu_slices, compute_slices; unsigned long long mib; }
    attributes;

typedef struct device {
    int index, is_slice, minor, mig, links, slices, fails, calls, lost_after, pages, has_rows, has_ecc;
    char name[96], uuid[96], bus[32];
    unsigned long long memory, cpus[8], nodes[2], ecc;
    int cpu_words, node_words, rows[4], end_kind[MAX_LINKS];
    char end_bus[MAX_LINKS][32];
    struct { char function[64]; int code; } fail[MAX_FAILS];
    struct device *parent, *slice[MAX_SLICES];
    int gi, ci, gpu_slices, compute_slices, processes;
    struct { unsigned pid, load; unsigned long long bytes; } process[MAX_PROCESSES];
} device;

static device gpus[MAX_GPUS];
static int gpu_count, users, init_code, count_code, pairs[MAX_GPUS][MAX_GPUS], p2p[MAX_GPUS][MAX_GPUS];
static char driver[80];

static int words(const char *text, unsigned long long *into, int most) {
    int n = 0;
    char *end;
    while (*text && n < most) {
        into[n++] = strtoull(text, &end, 16);
        if (*end != ',') break;
        text = end + 1;
    }
    return n;
}

static void add_slice(device *gpu, char *text) {
    device *slice = calloc(1, sizeof *slice);
    char *part[7] = {0};
    for (int i = 0; i < 7; i++) part[i] = strsep(&text, ";");
    slice->is_slice = 1;
    slice->parent = gpu;
    slice->minor = -1;
    strncpy(slice->name, part[0], 95);
    strncpy(slice->uuid, part[1], 95);
    slice->gi = atoi(part[2]);
    slice->ci = atoi(part[3]);
    slice->memory = strtoull(part[4], 0, 10);
    slice->gpu_slices = atoi(part[5]);
    slice->compute_slices = atoi(part[6]);
    gpu->slice[gpu->slices++] = slice;
}

static void gpu_fact(device *g, const char *key, char *value) {
    char word[64] = "", rest[64] = "";
    if (!strcmp(key, "name")) strncpy(g->name, value, 95);
    else if (!strcmp(key, "uuid")) strncpy(g->uuid, value, 95);
    else if (!strcmp(key, "minor")) g->minor = atoi(value);
    else if (!strcmp(key, "bus")) strncpy(g->bus, value, 31);
    else if (!strcmp(key, "memory")) g->memory = strtoull(value, 0, 10);
    else if (!strcmp(key, "cpus")) g->cpu_words = words(value, g->cpus, 8);
    else if (!strcmp(key, "nodes")) g->node_words = words(value, g->nodes, 2);
    else if (!strcmp(key, "ecc")) { g->ecc = strtoull(value, 0, 10); g->has_ecc = 1; }
    else if (!strcmp(key, "pages")) g->pages = atoi(value);
    else if (!strcmp(key, "mig")) g->mig = atoi(value);
    else if (!strcmp(key, "slice")) add_slice(g, value);
    else if (!strcmp(key, "lost_after")) g->lost_after = atoi(value);
    else if (!strcmp(key, "process")) {
        int n = g->processes++;
        sscanf(value, "%u %llu %u", &g->process[n].pid, &g->process[n].bytes, &g->process[n].load);
    }
    else if (!strcmp(key, "rows"))
        g->has_rows = sscanf(value, "%d %d %d %d", g->rows, g->rows + 1, g->rows + 2, g->rows + 3) == 4;
    else if (!strcmp(key, "fail") && sscanf(value, "%63s %d", word, &g->fail[g->fails].code) == 2)
        strcpy(g->fail[g->fails++].function, word);
    else if (!strcmp(key, "link")) {
        sscanf(value, "%63s %31s", word, rest);
        g->end_kind[g->links] = !strcmp(word, "gpu") ? END_GPU : !strcmp(word, "switch") ? END_SWITCH
            : !strcmp(word, "unknown") ? END_UNKNOWN : !strcmp(word, "hidden") ? END_HIDDEN : END_DOWN;
        strcpy(g->end_bus[g->links++], rest);
    } else {
        fprintf(stderr, "nvml stub: what is '%s %s'?\n", key, value);
        abort();
    }
}

static void load(void) {
    const char *path = getenv("MGPU_NVML_STUB");
    FILE *file = path ? fopen(path, "r") : 0;
    char line[512];
    device *gpu = 0;
    memset(gpus, 0, sizeof gpus);
    memset(pairs, -1, sizeof pairs);
    memset(p2p, -1, sizeof p2p);
    gpu_count = init_code = count_code = 0;
    if (!file) { init_code = UNKNOWN; return; }
    while (fgets(line, sizeof line, file)) {
        char *key = line + strspn(line, " "), *value;
        int i, j, k;
        key[strcspn(key, "\n")] = 0;
        if (!*key || *key == '#') continue;
        value = key + strcspn(key, " ");
        if (*value) *value++ = 0;
        if (!strcmp(key, "gpu")) {
            gpu = &gpus[gpu_count];
            gpu->index = gpu_count++;
            gpu->minor = gpu->mig = gpu->pages = -1;
        }
        else if (!strcmp(key, "init")) init_code = atoi(value);
        else if (!strcmp(key, "count")) count_code = atoi(value);
        else if (!strcmp(key, "driver")) strncpy(driver, value, 79);
        else if (!strcmp(key, "hang")) sleep(atoi(value));
        else if (!strcmp(key, "crash")) abort();
        else if (!strcmp(key, "noise")) { puts(value); fflush(stdout); }
        else if (!strcmp(key, "pair") && sscanf(value, "%d %d %d", &i, &j, &k) == 3) pairs[i][j] = pairs[j][i] = k;
        else if (!strcmp(key, "p2p") && sscanf(value, "%d %d %d", &i, &j, &k) == 3) p2p[i][j] = p2p[j][i] = k;
        else gpu_fact(gpu, key, value);
    }
    fclose(file);
}

/* What stands before every answer about a device: the library must be in use, and the device able to answer. */
static int check(device *d, const char *function) {
    device *g;
    if (!users) return UNINITIALIZED;
    if (!d) return INVALID_ARGUMENT;
    g = d->is_slice ? d->parent : d;
    g->calls++;
    if (g->lost_after && g->calls >= g->lost_after) return GPU_IS_LOST;
    for (int i = 0; i < g->fails; i++)
        if (!strcmp(g->fail[i].function, function)) return g->fail[i].code;
    return SUCCESS;
}

#define CHECK(d) do { int code_ = check(d, __func__); if (code_) return code_; } while (0)

static int give(const char *text, char *into, unsigned size) {
    if (!*text) return NOT_SUPPORTED;
    if (strlen(text) >= size) return INSUFFICIENT_SIZE;
    strcpy(into, text);
    return SUCCESS;
}

static int give_words(const unsigned long long *from, int have, unsigned size, unsigned long *into) {
    if (!have) return NOT_SUPPORTED;
    for (unsigned i = 0; i < size; i++) into[i] = (int)i < have ? from[i] : 0;
    return SUCCESS;
}

API int nvmlInitWithFlags(unsigned flags) {
    (void)flags;
    if (!users) load();
    if (init_code) return init_code;
    users++;
    return SUCCESS;
}

API int nvmlShutdown(void) {
    if (!users) return UNINITIALIZED;
    users--;
    return SUCCESS;
}

API const char *nvmlErrorString(int code) {
    return code == 18 ? "Driver/library version mismatch" : code == 28 ? "GPU not found" : "Some other error.";
}

API int nvmlSystemGetDriverVersion(char *into, unsigned size) { return users ? give(driver, into, size) : UNINITIALIZED; }

API int nvmlDeviceGetCount_v2(unsigned *count) {
    if (!users) return UNINITIALIZED;
    *count = gpu_count;
    return count_code;
}

API int nvmlDeviceGetHandleByIndex_v2(unsigned index, device **into) {
    if ((int)index >= gpu_count) return INVALID_ARGUMENT;
    CHECK(&gpus[index]);
    *into = &gpus[index];
    return SUCCESS;
}

API int nvmlDeviceGetName(device *d, char *into, unsigned size) { CHECK(d); return give(d->name, into, size); }

API int nvmlDeviceGetUUID(device *d, char *into, unsigned size) { CHECK(d); return give(d->uuid, into, size); }

API int nvmlDeviceGetMinorNumber(device *d, unsigned *minor) {
    CHECK(d);
    *minor = d->minor;
    return d->minor < 0 ? NOT_SUPPORTED : SUCCESS;
}

API int nvmlDeviceGetPciInfo_v3(device *d, pci_info *info) {
    CHECK(d);
    memset(info, 0, sizeof *info);
    return give(d->bus, info->bus_id, sizeof info->bus_id);
}

API int nvmlDeviceGetMemoryInfo(device *d, memory_info *info) {
    CHECK(d);
    info->total = info->free = d->memory;
    info->used = 0;
    return d->memory ? SUCCESS : NOT_SUPPORTED;
}

API int nvmlDeviceGetCpuAffinity(device *d, unsigned size, unsigned long *into) {
    CHECK(d);
    return give_words(d->cpus, d->cpu_words, size, into);
}

API int nvmlDeviceGetMemoryAffinity(device *d, unsigned size, unsigned long *into, unsigned scope) {
    CHECK(d);
    return scope > 1 ? INVALID_ARGUMENT : give_words(d->nodes, d->node_words, size, into);
}

API int nvmlDeviceGetTotalEccErrors(device *d, unsigned type, unsigned counter, unsigned long long *count) {
    CHECK(d);
    *count = d->ecc;
    return !d->has_ecc ? NOT_SUPPORTED : type == 1 && counter == 0 ? SUCCESS : INVALID_ARGUMENT;
}

API int nvmlDeviceGetRemappedRows(device *d, unsigned *corr, unsigned *unc, unsigned *pending, unsigned *failed) {
    CHECK(d);
    *corr = d->rows[0], *unc = d->rows[1], *pending = d->rows[2], *failed = d->rows[3];
    return d->has_rows ? SUCCESS : NOT_SUPPORTED;
}

API int nvmlDeviceGetRetiredPagesPendingStatus(device *d, unsigned *pending) {
    CHECK(d);
    *pending = d->pages;
    return d->pages < 0 ? NOT_SUPPORTED : SUCCESS;
}

API int nvmlDeviceGetTopologyCommonAncestor(device *one, device *other, unsigned *level) {
    CHECK(one);
    CHECK(other);
    *level = pairs[one->index][other->index];
    return pairs[one->index][other->index] < 0 ? NOT_SUPPORTED : SUCCESS;
}

API int nvmlDeviceGetP2PStatus(device *one, device *other, unsigned which, unsigned *status) {
    CHECK(one);
    CHECK(other);
    if (which != 2) return INVALID_ARGUMENT;
    *status = p2p[one->index][other->index];
    return p2p[one->index][other->index] < 0 ? NOT_SUPPORTED : SUCCESS;
}

API int nvmlDeviceGetNvLinkState(device *d, unsigned link, unsigned *active) {
    CHECK(d);
    if (!d->links) return NOT_SUPPORTED;
    if ((int)link >= d->links) return INVALID_ARGUMENT;
    *active = d->end_kind[link] != END_DOWN;
    return SUCCESS;
}

API int nvmlDeviceGetNvLinkRemotePciInfo_v2(device *d, unsigned link, pci_info *info) {
    CHECK(d);
    if ((int)link >= d->links) return INVALID_ARGUMENT;
    memset(info, 0, sizeof *info);
    return d->end_kind[link] == END_HIDDEN ? NOT_SUPPORTED : give(d->end_bus[link], info->bus_id, sizeof info->bus_id);
}

API int nvmlDeviceGetNvLinkRemoteDeviceType(device *d, unsigned link, unsigned *type) {
    CHECK(d);
    if ((int)link >= d->links) return INVALID_ARGUMENT;
    *type = d->end_kind[link] == END_GPU ? 0 : d->end_kind[link] == END_SWITCH ? 2 : 255;
    return d->end_kind[link] == END_HIDDEN ? NOT_SUPPORTED : SUCCESS;
}

API int nvmlDeviceGetMigMode(device *d, unsigned *current, unsigned *pending) {
    CHECK(d);
    *current = *pending = d->mig;
    return d->mig < 0 ? NOT_SUPPORTED : SUCCESS;
}

API int nvmlDeviceGetMaxMigDeviceCount(device *d, unsigned *count) {
    CHECK(d);
    *count = MAX_SLICES;
    return SUCCESS;
}

API int nvmlDeviceGetMigDeviceHandleByIndex(device *d, unsigned index, device **into) {
    CHECK(d);
    if (index >= MAX_SLICES) return INVALID_ARGUMENT;
    if (!d->slice[index]) return NOT_FOUND;
    *into = d->slice[index];
    return SUCCESS;
}

API int nvmlDeviceGetGpuInstanceId(device *d, unsigned *id) { CHECK(d); *id = d->gi; return SUCCESS; }

API int nvmlDeviceGetComputeInstanceId(device *d, unsigned *id) { CHECK(d); *id = d->ci; return SUCCESS; }

API int nvmlDeviceGetAttributes_v2(device *d, attributes *into) {
    CHECK(d);
    memset(into, 0, sizeof *into);
    into->gpu_slices = d->gpu_slices;
    into->compute_slices = d->compute_slices;
    into->mib = d->memory;
    return d->is_slice ? SUCCESS : NOT_SUPPORTED;
}

API int nvmlDeviceGetComputeRunningProcesses_v3(device *d, unsigned *count, process_info *into) {
    unsigned room = *count;
    CHECK(d);
    *count = d->processes;
    if (!d->processes) return SUCCESS;
    if (room < *count || !into) return INSUFFICIENT_SIZE;
    for (int i = 0; i < d->processes; i++) {
        memset(into + i, 0, sizeof *into);
        into[i].pid = d->process[i].pid;
        into[i].bytes = d->process[i].bytes;
    }
    return SUCCESS;
}

API int nvmlDeviceGetGraphicsRunningProcesses_v3(device *d, unsigned *count, process_info *into) {
    CHECK(d);
    (void)into;
    *count = 0;
    return SUCCESS;
}

API int nvmlDeviceGetProcessUtilization(device *d, process_load *into, unsigned *count, unsigned long long since) {
    CHECK(d);
    (void)since;
    if (!d->processes) return NOT_FOUND;
    if (!into) { *count = d->processes; return INSUFFICIENT_SIZE; }
    for (int i = 0; i < d->processes; i++) {
        memset(into + i, 0, sizeof *into);
        into[i].pid = d->process[i].pid;
        into[i].sm = d->process[i].load;
    }
    return SUCCESS;
}
