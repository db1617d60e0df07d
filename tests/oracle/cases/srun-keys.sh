# keys typed at srun without --pty: Ctrl-C once, twice, with -X and --quit-on-interrupt, Ctrl-\, Ctrl-Z with bg and fg
cat > drive.py <<'P'
import os, pty, re, select, time
os.environ["PS1"] = "$ "
pid, fd = pty.fork()
if pid == 0:
    os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
seen = ""
def until(text, limit=15):
    global seen
    end = time.monotonic() + limit
    while text not in seen and time.monotonic() < end:
        if select.select([fd], [], [], 0.1)[0]:
            seen += os.read(fd, 4096).decode()
    found = text in seen
    before, _, rest = seen.partition(text) if found else (seen, "", "")
    seen = rest
    for line in (before + (text if found else "")).splitlines():
        line = re.sub(r"StepId=\d+", "StepId=N", re.sub(r"\x1b\[[?0-9]*[a-z]", "", line)).strip()
        line = re.sub(r"STEP \d+", "STEP N", re.sub(r"AT \S+", "AT T", re.sub(r"\bn[0-3]\b", "NODE", line)))
        line = line.removeprefix("$ ").strip()
        # what comes after the end of srun is chance
        if line.strip("$") and "echo o" not in line and "*** STEP" not in line: print(line)
    print("seen" if found else "never", repr(text), flush=True)
def keys(text): os.write(fd, text.encode())
def status(): keys("echo o''ver $?\n"); until("over "); until("$ ")
def start(options, tasks=1):
    keys(f"srun {options} sh -c 'echo up; exec sleep 300'\n")
    for _ in range(tasks): until("up\r\n")
    time.sleep(0.4)  # until srun has heard that they run
until("$ ")
start("-n2", 2); keys("\x03"); until("running"); time.sleep(1.2); keys("\x03"); until("running"); keys("\x03"); until("job step to finish"); until("$ "); status()
start("-n2 -X", 2); keys("\x03"); until("Interrupt"); until("$ "); status()
start("--quit-on-interrupt"); keys("\x03"); until("job step to finish"); until("$ "); status()
start(""); keys("\x1c"); until("Killed"); until("$ "); status()
start(""); keys("\x1a"); until("Stopped"); until("$ "); keys("bg\n"); until("SIGCONT"); keys("fg\n"); time.sleep(0.3); keys("\x1a"); until("Stopped"); until("$ "); keys("fg\n"); until("SIGCONT"); keys("\x1c"); until("Killed"); until("$ "); status()
keys("exit\n"); os.waitpid(pid, 0)
P
timeout 50 python3 drive.py 2>&1
