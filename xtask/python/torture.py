"""Long experiments with real kernels. Each prints what it did and ends with exit code 1 if anything was lost."""

import argparse
import multiprocessing
import os
import random
import signal
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.connect import write_connection_file

SECONDS = 300
EXPECTED = "[1, 2, 3]"

# Each ends the process of the cell, or is interrupted once it has printed; before it ends, it does to `v` what should not
# last. The name is the error's.
DEATHS = [
    ("loop {}", "Interrupted"),
    ("v.clear(); loop { std::thread::sleep(std::time::Duration::from_millis(1)); }", "Interrupted"),
    ("drop(v); loop {}", "Interrupted"),
    ('let v = "s"; std::hint::black_box(v); loop {}', "Interrupted"),
    ("unsafe { *(8 as *mut i32) = 1; }", "SegmentationFault"),
    ("drop(v); unsafe { std::ptr::null_mut::<i32>().write_volatile(1); }", "SegmentationFault"),
    ("v.push(4); std::process::exit(1)", "Exited"),
    ('let v = "s"; std::hint::black_box(v); std::process::exit(0)', "Exited"),
    ("v.push(4); std::process::abort()", "Aborted"),
    ("drop(v); std::process::abort()", "Aborted"),
    ("fn deeper(n: u64) -> u64 { let a = [n; 64]; deeper(n + 1) + a[(n % 64) as usize] }\ndeeper(1)", "StackOverflow"),
    ("drop(v);\nfn deeper(n: u64) -> u64 { let a = [n; 64]; deeper(n + 1) + a[(n % 64) as usize] }\ndeeper(1)", "StackOverflow"),
    ('std::process::Command::new("kill").args(["-9", &std::process::id().to_string()]).status()?; loop {}', "Killed"),
]


class Kernel:
    def __init__(self, program, folder):
        self.file, _ = write_connection_file(str(folder / f"connection-{time.monotonic_ns()}.json"))
        self.process = subprocess.Popen(
            [str(program), "--connection-file", self.file],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder,
        )
        self.client = BlockingKernelClient(connection_file=self.file)
        self.client.load_connection_file()
        self.client.start_channels(hb=False)
        self.client.wait_for_ready(timeout=60)

    def interrupt(self):
        self.client.control_channel.send(self.client.session.msg("interrupt_request", {}))

    def run(self, code, on_stream=None):
        """The name of the error, if any, and the plain text of the result, if any."""
        request = self.client.execute(code)
        error = result = None
        while True:
            message = self.client.get_iopub_msg(timeout=SECONDS)
            if message["parent_header"].get("msg_id") != request:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "stream" and on_stream:
                on_stream()
            elif kind == "execute_result":
                result = content["data"]["text/plain"]
            elif kind == "error":
                error = content["ename"], "\n".join([content["evalue"], *content["traceback"]])
            elif kind == "status" and content["execution_state"] == "idle":
                break
        self.client.get_shell_msg(timeout=SECONDS)
        return error, result

    def stop(self):
        self.client.shutdown()
        self.process.wait(30)
        self.client.stop_channels()


def burn(_):
    while True:
        pass


def cells(arguments):
    rounds = arguments.rounds or 200
    chance = random.Random(arguments.seed)
    load = [multiprocessing.Process(target=burn, args=(0,), daemon=True) for _ in range(os.cpu_count())]
    for one in load:
        one.start()
    kernel = Kernel(arguments.kernel, arguments.folder)
    lost, times, counts = 0, [], {}
    try:
        kernel.run("let mut v = vec![1, 2, 3];")
        kernel.run("async fn one() -> i32 { 1 }")
        kernel.run("one().await")
        for done in range(rounds):
            code, name = chance.choice(DEATHS)
            ended = {}
            if name == "Interrupted":
                marked = 'println!("begun");\n' + code

                def later():
                    time.sleep(chance.uniform(0, 0.05))
                    ended["at"] = time.perf_counter()
                    kernel.interrupt()

                error, _ = kernel.run(marked, lambda: threading.Thread(target=later).start())
                times.append(time.perf_counter() - ended["at"])
            else:
                error, _ = kernel.run(code)
            after, value = kernel.run("v")
            counts[name] = counts.get(name, 0) + 1
            if error is None or error[0] != name or value != EXPECTED:
                lost += 1
                print(f"round {done}: {code!r}: {error}, then v is {value}: {after}", flush=True)
                kernel.run("let mut v = vec![1, 2, 3];")
            if sys.stdout.isatty() or done % 20 == 19:
                print(f"{done + 1} of {rounds}, {lost} lost", flush=True)
        kernel.stop()
    finally:
        kernel.process.kill()
        for one in load:
            one.kill()
    print(f"{rounds} cells died, both cores busy: {counts}")
    times.sort()
    if times:
        print(
            f"interrupt to idle: median {statistics.median(times) * 1000:.0f} ms, "
            f"worst {times[-1] * 1000:.0f} ms of {len(times)}"
        )
    slow = [one for one in times if one > 1.0]
    print(f"variables lost: {lost}; interrupts over 1 s: {len(slow)}")
    return lost == 0 and not slow


# What is done before a cell runs, and at what time it is interrupted at the latest.
COMPILES = [
    (":dep {new}", 3.0),
    (":dep {new}", 1.0),
    (":dep {new}\n:dep {other}\n{name}::made()", 3.0),
    (":dep {new}\nlet made = {name}::made(); async fn one() -> i32 {{ 1 }}\none().await", 3.0),
    (":opt 2\nlet x = v.iter().sum::<i32>();", 0.7),
    ("struct S{round} {{ a: u32, b: Vec<String> }}\nlet s = S{round} {{ a: 1, b: vec![] }};", 0.7),
    ("fn f{round}<T: std::fmt::Debug>(t: T) -> String {{ format!(\"{{t:?}}\") }}\nlet w = f{round}(&v);", 0.7),
    ("let wrong: u32 = \"s\";", 0.7),
]


def crate(folder, name, *needs):
    """The line that adds a crate of its own, which needs others."""
    (folder / name / "src").mkdir(parents=True, exist_ok=True)
    manifest = f"[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\n"
    manifest += "".join(f"{need} = {{ path = \"../{need}\" }}\n" for need in needs)
    (folder / name / "Cargo.toml").write_text(manifest)
    body = "".join(f"    all.extend({need}::made());\n" for need in needs)
    source = f"pub fn made() -> Vec<String> {{\n    let mut all = vec![\"{name}\".to_owned()];\n{body}    all\n}}\n"
    (folder / name / "src/lib.rs").write_text(source)
    return f"{name} = {{ path = \"{folder / name}\" }}"


def compiles(arguments):
    rounds = arguments.rounds or 60
    chance = random.Random(arguments.seed)
    folder = arguments.folder / "crates"
    kernel = Kernel(arguments.kernel, arguments.folder)
    wrong, interrupts, after = 0, [], []
    load = [multiprocessing.Process(target=burn, args=(0,), daemon=True) for _ in range(os.cpu_count())]
    try:
        kernel.run("let v = vec![1, 2, 3];")
        # The library of cells comes with a first dependency, and is not what this is about.
        error, _ = kernel.run(f":dep {crate(folder, 'first')}\nlet first = first::made();")
        assert error is None, error
        for one in load:
            one.start()
        for done in range(rounds):
            name = f"crate_{done}"
            new = crate(folder, name, "first", *([f"crate_{done - 1}"] if done % 3 else []))
            code, latest = chance.choice(COMPILES)
            code = code.format(new=new, other=crate(folder, f"other_{done}"), name=name, round=done)
            ended = {}

            def interrupt():
                ended["at"] = time.perf_counter()
                kernel.interrupt()

            timer = threading.Timer(chance.uniform(0, latest), interrupt)
            timer.start()
            error, _ = kernel.run(code)
            timer.cancel()
            timer.join()
            if error and error[0] == "Interrupted":
                interrupts.append(time.perf_counter() - ended["at"])
            elif error and "wrong" not in code or not error and "wrong" in code:
                wrong += 1
                print(f"round {done}: {code!r}: {error}", flush=True)
            if chance.random() < 0.7:
                begun = time.perf_counter()
                failed, value = kernel.run("v.len()")
                after.append(time.perf_counter() - begun)
                if failed or value != "3":
                    wrong += 1
                    print(f"round {done}: after {code!r}, v.len() is {value}: {failed}", flush=True)
            if code.startswith(":dep"):
                # What was not known of it when the interrupt came must be known now, its types among it.
                failed, value = kernel.run(f":dep {new}\nlet made_{done} = {name}::made();")
                failed = failed or kernel.run(f"made_{done}[0].len()")[0]
                if failed:
                    wrong += 1
                    print(f"round {done}: after {code!r}, once more: {failed}", flush=True)
            if sys.stdout.isatty() or done % 20 == 19:
                print(f"{done + 1} of {rounds}, {wrong} wrong", flush=True)
        kernel.stop()
    finally:
        kernel.process.kill()
        for one in load:
            if one.is_alive():
                one.kill()
    interrupts.sort()
    after.sort()
    print(f"{len(interrupts)} of {rounds} cells were interrupted before they ran, both cores busy")
    print(
        f"interrupt to idle: median {statistics.median(interrupts) * 1000:.0f} ms, worst {interrupts[-1] * 1000:.0f} ms; "
        f"the next cell: median {statistics.median(after):.2f} s, worst {after[-1]:.2f} s of {len(after)}"
    )
    print(f"cells that were not as if nothing had been interrupted: {wrong}")
    return wrong == 0 and interrupts[-1] <= 0.5 and after[-1] <= 5.0


def family(process):
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


# What kernels do when they are killed; each takes a while.
WORK = [
    "let x = 1;\nloop { %pip_set n = x\n }".replace("\n }", "\n}"),
    "for i in 0..1_000_000u64 {\n%pip_set n = i\n}",
    'std::process::Command::new("sleep").arg("600").spawn()?; loop {}',
    'std::process::Command::new("setsid").args(["sleep", "600"]).spawn()?; loop {}',
    "!sleep 600",
    "let s = String::from(\"a\");\nstd::thread::sleep(std::time::Duration::from_secs(600));",
]


def lives(process):
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        # It has ended between the two questions.
        return False


def kernels(arguments):
    rounds = arguments.rounds or 50
    chance = random.Random(arguments.seed)
    left = missing = 0
    url = f"sqlite:{arguments.folder / 'pipeline.db'}"
    for done in range(rounds):
        kernel = Kernel(arguments.kernel, arguments.folder)
        kernel.run("%pip_job torture-01")
        error, _ = kernel.run(f"%pip_set round = {done}")
        acknowledged = error is None
        code = chance.choice(WORK)
        kernel.client.execute(code)
        known = {}
        # At any point: while the engine starts, while it compiles, while the cell runs.
        deadline = time.perf_counter() + chance.uniform(0, 12)
        while time.perf_counter() < deadline:
            for one in family(psutil.Process(kernel.process.pid)):
                known[one.pid] = one
            time.sleep(0.02)
        for one in family(psutil.Process(kernel.process.pid)):
            known[one.pid] = one
        kernel.process.send_signal(signal.SIGKILL)
        kernel.process.wait()
        kernel.client.stop_channels()
        deadline = time.perf_counter() + 2
        alive = list(known.values())
        while alive and time.perf_counter() < deadline:
            alive = [one for one in alive if lives(one)]
            time.sleep(0.02)
        if alive:
            left += 1
            print(f"round {done}: {code!r}: left {[(one.pid, one.cmdline()[:3]) for one in alive]}", flush=True)
            for one in alive:
                one.kill()
        stored = subprocess.run(
            [str(arguments.cli), "job", "get", "torture-01", "round", "--db", url], capture_output=True, text=True
        )
        if acknowledged and stored.stdout.strip() != str(done):
            missing += 1
            print(f"round {done}: stored {stored.stdout!r} {stored.stderr!r}", flush=True)
        if done % 10 == 9:
            print(f"{done + 1} of {rounds}", flush=True)
    import sqlite3

    with sqlite3.connect(arguments.folder / "pipeline.db") as store:
        whole = store.execute("PRAGMA integrity_check").fetchone()[0]
    print(f"{rounds} kernels killed: processes left after 2 s in {left}, acknowledged steps missing in {missing}, store {whole}")
    return left == 0 and missing == 0 and whole == "ok"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("experiment", choices=["cells", "compiles", "kernels"])
    parser.add_argument("--kernel", type=Path, required=True)
    parser.add_argument("--cli", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    os.environ["PIPULATE_URL"] = f"sqlite:{arguments.folder / 'pipeline.db'}"
    passed = {"cells": cells, "compiles": compiles, "kernels": kernels}[arguments.experiment](arguments)
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
