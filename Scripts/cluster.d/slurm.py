"""A Slurm of one node, without munge, systemd and control groups."""

import os, re, socket, subprocess, time

from cluster import BLOCKS, Folder, LONG, check, wait_for, whole

CONFIGURATION = """
ClusterName=one
SlurmctldHost=HOST(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/none
CredType=cred/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
MpiDefault=none
MailProg=/bin/true
KillWait=5
SlurmctldPidFile=RUN/slurmctld.pid
SlurmdPidFile=RUN/slurmd.pid
StateSaveLocation=RUN/ctld
SlurmdSpoolDir=RUN/d
SlurmctldPort=PORT
SlurmdPort=DPORT
NodeName=HOST NodeAddr=127.0.0.1 CPUs=CPUS State=UNKNOWN
PartitionName=p Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


class Slurm:
    """Its two daemons, while it is entered."""

    def __init__(self, folder):
        self.folder = folder
        self.host = socket.gethostname().split(".")[0]
        run = folder.file("slurm")
        for name in ["ctld", "d"]:
            os.makedirs(os.path.join(run, name))
        ports = [socket.socket() for _ in range(2)]
        for port in ports:
            port.bind(("127.0.0.1", 0))
        control, node = (str(port.getsockname()[1]) for port in ports)
        for port in ports:
            port.close()
        text = CONFIGURATION.replace("HOST", self.host).replace("RUN", run).replace("DPORT", node).replace("PORT", control)
        folder.write("slurm.conf", text.replace("CPUS", str(os.cpu_count())))
        folder.environment["SLURM_CONF"] = folder.file("slurm.conf")

    def __enter__(self):
        self.daemons = [
            subprocess.Popen([name, "-D", *flags], env=self.folder.environment, stdin=subprocess.DEVNULL,
                             stdout=open(self.folder.file(name + ".log"), "w"), stderr=subprocess.STDOUT)
            for name, flags in [("slurmctld", ["-c"]), ("slurmd", ["-N", self.host])]]
        wait_for(lambda: "idle" in self.ask("sinfo -h -o %T"), "a node of Slurm")
        return self

    def __exit__(self, *_):
        self.ask("scancel --user=root")
        for daemon in reversed(self.daemons):
            daemon.terminate()
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()

    def ask(self, command):
        ended = subprocess.run(["bash", "-c", command], cwd=self.folder.path, env=self.folder.environment,
                               stdin=subprocess.DEVNULL, capture_output=True, text=True)
        return ended.stdout + ended.stderr

    def job(self, number):
        """What `scontrol` says of a job, as a dictionary."""
        return dict(re.findall(r"(\w+)=(\S*)", self.ask(f"scontrol show job {number}")))

    def submit(self, command):
        """The number of the job."""
        return self.folder.run(command).stdout.strip().split(";")[0]

    def ended(self, number, state, code, seconds=120):
        wait_for(lambda: self.job(number).get("JobState") == state, f"job {number}: {state}", seconds)
        job = self.job(number)
        check(job.get("ExitCode") == code, f"job {number} is {job.get('JobState')} with {job.get('ExitCode')}, not {code}")


LONG_JOB = """#!/bin/sh
#SBATCH --requeue --output=long.log
exec summand --threads 1 --store runs long.summand
"""


def slurm():
    with Folder() as folder:
        expected = whole(folder)
        folder.write("long.summand", LONG)
        folder.run("summand long.summand")
        long = folder.read("long.json")
        with Slurm(folder) as engine:
            array(folder, engine, expected)
            requeued(folder, engine, long)
            statuses(folder, engine)


def array(folder, engine, expected):
    """The page: eight tasks, two at a time; one is killed and requeued; the merge comes after all."""
    folder.run(BLOCKS["run: slurm"])
    wait_for(lambda: "RUNNING" in engine.ask("squeue -h -r -o %T"), "a task of the array")
    running = engine.ask("squeue -h -r -t R -o '%i'").split()
    check(len(running) <= 2, f"{len(running)} tasks run, of a limit of 2")
    if check(running, "no task runs"):
        # Killed in the middle. Slurm lets a task that is requeued wait for two minutes, unless it is told.
        engine.ask(f"scontrol requeue {running[0]}")
        wait_for(lambda: engine.job(running[0]).get("JobState") == "PENDING", "a task that was requeued")
        engine.ask(f"scontrol update jobid={running[0]} starttime=now")
    most = 0

    def merged():
        nonlocal most
        most = max(most, len(engine.ask("squeue -h -r -t R -o %i").split()))
        return folder.read("merged.json") is not None and not engine.ask("squeue -h -o %i").split()

    wait_for(merged, "the merge after an array", 240)
    check(most <= 2, f"{most} tasks ran at a time")
    check(folder.read("merged.json") == expected, "shards of Slurm differ from the whole")


def requeued(folder, engine, expected):
    """A job whose node goes down in the middle goes on where it was; one whose process is killed fails."""
    folder.run("rm -rf runs long.json")
    folder.write("long.sbatch", LONG_JOB)
    number = engine.submit("sbatch --parsable long.sbatch")
    wait_for(folder.chunks, "chunks of a job")
    engine.ask(f"scontrol update nodename={engine.host} state=down reason=test")
    wait_for(lambda: engine.job(number).get("JobState") == "PENDING", "a job whose node is down")
    check(folder.read("long.json") is None, "the job was done before its node went down")
    kept = len(folder.chunks())
    engine.ask(f"scontrol update nodename={engine.host} state=resume")
    engine.ask(f"scontrol update jobid={number} starttime=now")
    wait_for(lambda: engine.job(number).get("JobState") == "RUNNING", "a job whose node is back")
    # Killed in the middle, and requeued by hand.
    time.sleep(1)
    engine.ask(f"scancel --batch --signal=KILL {number}; sleep 1; scontrol requeue {number}")
    wait_for(lambda: engine.job(number).get("JobState") in ("PENDING", "RUNNING", "COMPLETED"), "a job that was requeued")
    engine.ask(f"scontrol update jobid={number} starttime=now")
    engine.ended(number, "COMPLETED", "0:0")
    check(int(engine.job(number).get("Restarts", 0)) >= 1, "the job was not started again")
    check(kept > 0 and folder.read("long.json") == expected, "a job that was requeued differs")


def statuses(folder, engine):
    """The exit status is what Slurm shows."""
    folder.run("rm -rf runs")
    for script, code in [("assert 1 == 2", "5:0"), ("read \\\"no-file.tsv\\\"", "4:0"), ("1 +", "3:0")]:
        number = engine.submit(f"sbatch --parsable --output=status.log --wrap 'exec summand -c \"{script}\"'")
        engine.ended(number, "FAILED", code)
    number = engine.submit("sbatch --parsable long.sbatch")
    wait_for(folder.chunks, "chunks of a job")
    engine.ask(f"scancel --batch --signal=TERM {number}")
    engine.ended(number, "FAILED", "143:0")
