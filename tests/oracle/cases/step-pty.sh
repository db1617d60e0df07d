# srun --pty on a terminal: its size, raw mode, job control, exit codes, and the terminal as it was afterwards
cat > drive.py <<'P'
import fcntl, os, pty, re, select, signal, struct, sys, termios, time
def run(words, talk, rows=33, cols=77):
    pid, fd = pty.fork()
    if pid == 0:
        os.execvp(words[0], words)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
    before = termios.tcgetattr(fd)
    seen = b""
    def until(text, limit=15):
        nonlocal seen
        end = time.monotonic() + limit
        while text not in seen and time.monotonic() < end:
            if select.select([fd], [], [], 0.1)[0]:
                try: data = os.read(fd, 4096)
                except OSError: break
                if not data: break
                seen += data
        found = text in seen
        shown, seen = (seen.partition(text)[0] + text, seen.partition(text)[2]) if found else (seen, b"")
        return found
    print(words[1:-1] if words[0] == "sattach" else words[1:], flush=True)
    talk(fd, until, pid)
    end = time.monotonic() + 15
    status = None
    while time.monotonic() < end:
        got, status = os.waitpid(pid, os.WNOHANG)
        if got: break
        if select.select([fd], [], [], 0.05)[0]:
            try: os.read(fd, 4096)
            except OSError: time.sleep(0.05)
    else:
        os.kill(pid, 9); os.waitpid(pid, 0); print("hangs")
    print("exit", os.waitstatus_to_exitcode(status) if status is not None else None)
    try: print("restored", termios.tcgetattr(fd) == before)
    except termios.error: print("closed")
    os.close(fd)
def say(fd, text): os.write(fd, text.encode())
def size(fd, until, pid):
    until(b"$ ") ; say(fd, "stty size; tty | cut -c1-8; echo m''ark\n"); print(until(b"33 77"), until(b"/dev/pts"), until(b"mark"))
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0)); os.kill(pid, signal.SIGWINCH); time.sleep(0.5)
    say(fd, "stty size\n"); print(until(b"40 100"))
    say(fd, "sleep 50\n"); time.sleep(0.5); say(fd, "\x03"); say(fd, "echo c''ode $?\n"); print(until(b"code 130"))
    say(fd, "sleep 50 & jobs; kill %1; echo j''obs\n"); print(until(b"Running"), until(b"jobs"))
    say(fd, "sleep 50\n"); time.sleep(0.5); say(fd, "\x1a"); print(until(b"Stopped")); say(fd, "kill -9 %1\n"); time.sleep(0.3); say(fd, "exit 7\n"); time.sleep(0.3); say(fd, "exit 7\n")
run(["srun", "-Q", "--pty", "env", "PS1=$ ", "bash", "--norc", "--noprofile", "-i"], size)
run(["srun", "-Q", "--pty", "true"], lambda *_: None)
run(["srun", "-Q", "--pty", "sh", "-c", "exit 5"], lambda *_: None)
run(["srun", "-Q", "--pty", "cat"], lambda fd, until, pid: (time.sleep(1), say(fd, "hello\n"), print(until(b"hello\r\nhello")), say(fd, "\x04")))
run(["srun", "-Q", "-n2", "--pty", "sh", "-c", "echo r''ank $SLURM_PROCID; test -t 0 && sleep 1 && echo t''erm"], lambda fd, until, pid: print(until(b"rank 0"), until(b"rank 1", 3), until(b"term")))
def attached(fd, until, pid):
    print(until(b"$ ")); step = os.popen("squeue -h -s -o %i | grep -v batch | head -n 1").read().strip()
    def follow(other, seen, _):
        time.sleep(1); say(other, "echo t''yped; stty size\n"); print(seen(b"typed\r\n33 77\r\n")); say(fd, "echo b''oth\n"); print(seen(b"both"))
        os.kill(_, signal.SIGKILL) if not until(b"both") else say(fd, "exit 3\n")
    run(["sattach", "--pty", step], follow) if step else print("no step")
run(["srun", "-Q", "--pty", "env", "PS1=$ ", "bash", "--norc", "--noprofile", "-i"], attached)
run(["salloc", "-Q", "-n2", "env", "PS1=$ ", "bash", "--norc", "--noprofile", "-i"], lambda fd, until, pid: (until(b"$ "), say(fd, "srun -n2 echo h''i; exit 3\n"), print(until(b"hi\r\nhi"))))
P
timeout 100 python3 drive.py 2>&1
