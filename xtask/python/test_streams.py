"""What cells print: live, whole, in order, by bytes, and never in the way of anything else."""

import statistics
import threading
import time
import unittest

import psutil
from jupyter_client.manager import start_new_kernel

from kernels import CELL_SECONDS, KERNEL, warm_up

LINES = 1_000_000
# What a request may wait for while a cell prints, in seconds.
ANSWER_SECONDS = 0.2
# How late text may be, in seconds.
LATE_SECONDS = 0.05
# What a process may need more than before while it passes on eight million bytes.
GROWTH_BYTES = 64 << 20
# Milliseconds since 1970, in a cell.
NOW = "std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis()"
FLUSH = "std::io::Write::flush(&mut std::io::stdout()).unwrap();"


def pause(milliseconds):
    return f"std::thread::sleep(std::time::Duration::from_millis({milliseconds}));"


class Streams(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.manager, cls.client = start_new_kernel(kernel_name=KERNEL)
        warm_up(cls.client)

    @classmethod
    def tearDownClass(cls):
        cls.client.stop_channels()
        cls.manager.shutdown_kernel()

    def outputs(self, code, on_first=lambda: None):
        """Runs a cell: the reply, and for each output when it came, the name of its stream or else its type, and the text."""
        request = self.client.execute(code)
        found = []
        while True:
            message = self.client.get_iopub_msg(timeout=CELL_SECONDS)
            arrived = time.time()
            self.assertEqual(message["parent_header"].get("msg_id"), request, message)
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                break
            if kind not in ("status", "execute_input"):
                if not found:
                    on_first()
                found.append((arrived, content.get("name", kind), content.get("text")))
        return self.reply(request), found

    def reply(self, request):
        """The reply to a request; those to others that were sent meanwhile are for whoever sent them."""
        while True:
            message = self.client.get_shell_msg(timeout=CELL_SECONDS)
            if message["parent_header"]["msg_id"] == request:
                return message["content"]

    def printed(self, code, stream="stdout"):
        reply, found = self.outputs(code)
        self.assertEqual(reply["status"], "ok", reply)
        return "".join(text for _, name, text in found if name == stream)

    def test_a_progress_bar_moves(self):
        code = f'for i in 0..100 {{ print!("\\r{{i}}:{{}}", {NOW}); {FLUSH} {pause(20)} }}'
        reply, found = self.outputs(code)
        self.assertEqual(reply["status"], "ok", reply)
        # The first thing of a message has waited longest.
        waited = [arrived - int(text.split("\r")[1].split(":")[1]) / 1000 for arrived, _, text in found]
        steps = [int(step.split(":")[0]) for step in "".join(text for _, _, text in found).split("\r")[1:]]
        print(f"{len(found)} messages, late by {statistics.median(waited):.3f} s, at worst {max(waited):.3f} s")
        self.assertEqual(steps, list(range(100)))
        self.assertGreater(len(found), 20)
        self.assertGreater(found[-1][0] - found[0][0], 1.5, "they came at once")
        self.assertLess(statistics.median(waited), LATE_SECONDS)

    def test_a_million_lines_come_whole_and_nothing_waits_for_them(self):
        kernel = psutil.Process(self.manager.provisioner.pid)
        processes = {process: process.memory_info().rss for process in (kernel, *kernel.children(recursive=True))}
        most = dict(processes)
        waited = {"kernel_info": [], "complete": []}
        begun, ended = threading.Event(), threading.Event()

        def ask():
            """While the cell prints: each channel is used by this thread alone."""
            begun.wait(CELL_SECONDS)
            while not ended.is_set():
                sent = time.perf_counter()
                question = self.client.session.msg("kernel_info_request", {})
                asked.add(question["header"]["msg_id"])
                self.client.control_channel.send(question)
                answer = self.client.get_control_msg(timeout=CELL_SECONDS)
                waited["kernel_info"].append(time.perf_counter() - sent)
                assert answer["msg_type"] == "kernel_info_reply", answer
                sent = time.perf_counter()
                asked.add(self.client.complete("%pip_fin"))
                answer = self.client.get_shell_msg(timeout=CELL_SECONDS)
                if answer["msg_type"] == "execute_reply":
                    replies.append(answer["content"])
                    return
                waited["complete"].append(time.perf_counter() - sent)
                assert answer["content"]["matches"] == ["%pip_finalize"], answer
                for process in list(most):
                    try:
                        most[process] = max(most[process], process.memory_info().rss)
                    except psutil.NoSuchProcess:
                        del most[process]
                time.sleep(0.02)

        replies, asked, idle = [], set(), set()
        asker = threading.Thread(target=ask)
        asker.start()
        request = self.client.execute(f"for i in 0..{LINES} {{ println!(\"{{i}}\"); }}")
        parts, messages = [], 0
        while request not in idle:
            message = self.client.get_iopub_msg(timeout=CELL_SECONDS)
            if message["msg_type"] == "stream":
                begun.set()
                messages += 1
                parts.append(message["content"]["text"])
            elif message["content"].get("execution_state") == "idle":
                idle.add(message["parent_header"]["msg_id"])
        ended.set()
        asker.join()
        reply = replies[0] if replies else self.reply(request)
        # What was asked at the very end is answered after it, and is not for the tests that follow.
        while not asked <= idle:
            message = self.client.get_iopub_msg(timeout=CELL_SECONDS)
            if message["content"].get("execution_state") == "idle":
                idle.add(message["parent_header"]["msg_id"])
        self.assertEqual(reply["status"], "ok", reply)
        self.assertEqual("".join(parts), "".join(f"{line}\n" for line in range(LINES)))
        growth = [most[process] - before for process, before in processes.items() if process in most]
        print(f"{messages} messages; grown by {[bytes >> 20 for bytes in growth]} MiB")
        for asked, seconds in waited.items():
            self.assertGreater(len(seconds), 2, asked)
            print(f"{asked}: {len(seconds)} answers, {statistics.median(seconds):.3f} s, at worst {max(seconds):.3f} s")
            self.assertLess(statistics.median(seconds), ANSWER_SECONDS, asked)
        self.assertLess(messages, 1000)
        self.assertLess(max(growth), GROWTH_BYTES)

    def test_bytes_that_are_not_utf_8_are_replaced(self):
        write = "use std::io::Write as _; let mut out = std::io::stdout();"
        for code, expected in [
            (r'out.write_all(b"a\xffb\xc3\x28\n").unwrap();', "a\ufffdb\ufffd(\n"),
            # One character in two writes, and half a one at the end.
            (rf'out.write_all(b"\xf0\x9f").unwrap(); {FLUSH} {pause(20)} out.write_all(b"\xa6\x80.").unwrap();', "\U0001f980."),
            (r'out.write_all(b"end \xe2\x82").unwrap();', "end \ufffd"),
        ]:
            with self.subTest(code):
                self.assertEqual(self.printed(f"{{ {write} {code} }}"), expected)

    def test_both_streams_are_in_the_order_written(self):
        code = f'for i in 0..15 {{ println!("{{i}} out"); {pause(30)} eprintln!("{{i}} err"); {pause(30)} }}'
        reply, found = self.outputs(code)
        self.assertEqual(reply["status"], "ok", reply)
        order = [(name, int(line.split()[0])) for _, name, text in found for line in text.splitlines()]
        self.assertEqual(order, [(name, number) for number in range(15) for name in ("stdout", "stderr")])

    def test_displays_stand_between_the_text_before_and_after(self):
        code = (
            'for i in 0..50 { print!("before {i} "); println!("EVCXR_BEGIN_CONTENT text/plain\\n{i}\\nEVCXR_END_CONTENT"); }'
            '\nprint!("end");'
        )
        reply, found = self.outputs(code)
        self.assertEqual(reply["status"], "ok", reply)
        expected = [part for number in range(50) for part in (("stdout", f"before {number} "), ("display_data", None))]
        self.assertEqual([(name, text) for _, name, text in found], [*expected, ("stdout", "end")])

    def test_text_without_the_end_of_a_line_is_shown_in_its_own_cell(self):
        for number in range(5):
            # `outputs` takes nothing that belongs to another cell.
            self.assertEqual(self.printed(f'print!("cell {number}"); eprint!("{number}");'), f"cell {number}")

    def test_a_cell_that_prints_without_end_is_interrupted(self):
        self.printed("let kept = 41;")
        interrupt = self.client.session.msg("interrupt_request", {})
        request = self.client.execute('loop { println!("again and again"); }')
        errors, waiting = [], {request, interrupt["header"]["msg_id"]}
        asked = False
        while waiting:
            message = self.client.get_iopub_msg(timeout=CELL_SECONDS)
            if message["msg_type"] == "stream" and not asked:
                self.client.control_channel.send(interrupt)
                asked = True
            if message["msg_type"] == "error":
                errors.append(message["content"]["ename"])
            if message["content"].get("execution_state") == "idle":
                waiting.discard(message["parent_header"].get("msg_id"))
        self.assertEqual((errors, self.reply(request)["ename"]), (["Interrupted"], "Interrupted"))
        self.client.get_control_msg(timeout=CELL_SECONDS)
        self.assertEqual(self.printed('println!("{}", kept + 1);'), "42\n")
