"""Jupyter's own kernel tests, told what this kernel's cells look like, and what they do not ask: failing cells."""

import platform
import unittest

import jupyter_kernel_test
from jupyter_client.manager import start_new_kernel

from kernels import CELL_SECONDS, KERNEL, warm_up


class Conformance(jupyter_kernel_test.KernelTests):
    kernel_name = KERNEL
    language_name = "rust"
    file_extension = ".rs"

    code_hello_world = 'println!("hello, world");'
    code_stderr = 'eprintln!("on stderr");'
    code_generate_error = 'let number: i32 = "text";'
    code_execute_result = [
        {"code": "1 + 1", "result": "2"},
        {"code": "6 * 7", "result": "42"},
        {"code": 'String::from("a") + "b"', "result": '"ab"'},
    ]
    completion_samples = [
        {"text": "%lsm", "matches": {"%lsmagic"}},
        {"text": "%pip_und", "matches": {"%pip_undo"}},
    ]
    complete_code_samples = ["1 + 1", "let x = 1;", "fn f() {}", "%pip_set a = 1", '// a "comment', ""]
    incomplete_code_samples = ["fn f() {", 'let text = "abc', "let x =", "/* a", "#[derive(Debug)]", "%pip_set a = {"]
    code_inspect_sample = "%pip_set"
    code_history_pattern = "6 ? 7"
    supported_history_operations = ("tail", "range", "search")
    invalid_code_samples = ["1)", "fn f() }"]
    code_display_data = [
        {"code": "%pip_get shown", "mime": "text/plain"},
        {"code": "%pip_steps", "mime": "text/html"},
        {"code": "println!(\"EVCXR_BEGIN_CONTENT text/markdown\\n*a*\\nEVCXR_END_CONTENT\"); print!(\"after\");", "mime": "text/markdown"},
    ]
    code_clear_output = "pipulate::clear_output(false);"
    code_page_something = "?%pip_set"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        warm_up(cls.kc)
        cls.kc.execute_interactive("%pip_set shown = 1", timeout=CELL_SECONDS, output_hook=lambda message: None)

    def test_pager(self):
        """Help is a display: payloads are deprecated, and what a notebook shows should be in its file."""
        self.flush_channels()
        reply, outputs = self.execute_helper(self.code_page_something)
        self.assertEqual((reply["content"]["status"], reply["content"]["payload"]), ("ok", []))
        self.assertEqual([message["msg_type"] for message in outputs], ["display_data"])
        self.assertIn("%pip_set", outputs[0]["content"]["data"]["text/plain"])


class IopubWelcome(jupyter_kernel_test.IopubWelcomeTests):
    kernel_name = KERNEL
    support_iopub_welcome = True


class Requests(unittest.TestCase):
    """What the kernel tests above do not ask for."""

    @classmethod
    def setUpClass(cls):
        cls.manager, cls.client = start_new_kernel(kernel_name=KERNEL)
        warm_up(cls.client)

    @classmethod
    def tearDownClass(cls):
        cls.client.stop_channels()
        cls.manager.shutdown_kernel()

    def ask(self, send, *arguments, **named):
        request = send(*arguments, **named)
        while True:
            reply = self.client.get_shell_msg(timeout=CELL_SECONDS)
            if reply["parent_header"]["msg_id"] == request:
                self.assertEqual(reply["content"]["status"], "ok", reply)
                return reply["content"]

    def test_user_expressions_are_evaluated_after_the_cell(self):
        expressions = {"sum": "a + 1", "text": 'format!("{a}!")', "wrong": "absent", "panics": "[1, 2][a as usize]"}
        for silent in (False, True):
            code = "let a = 41;"
            found = self.ask(self.client.execute, code, silent=silent, user_expressions=expressions)["user_expressions"]
            for name, text in (("sum", "42"), ("text", '"41!"')):
                self.assertEqual(found[name], {"status": "ok", "data": {"text/plain": text}, "metadata": {}})
            for name, ename in (("wrong", "CompileError"), ("panics", "Panic")):
                self.assertEqual((found[name]["status"], found[name]["ename"]), ("error", ename), found[name])
                self.assertTrue(found[name]["evalue"] and found[name]["traceback"])
        request = self.client.execute('panic!("no");', user_expressions=expressions)
        while (reply := self.client.get_shell_msg(timeout=CELL_SECONDS))["parent_header"]["msg_id"] != request:
            pass
        self.assertEqual((reply["content"]["status"], reply["content"]["user_expressions"]), ("error", {}))

    def test_completions_have_types_and_count_code_points(self):
        self.ask(self.client.execute, "let numbers = vec![1, 2];")
        for before in ('let x = "\U0001f980e\u0301"; ', "/* \U0001f469\u200d\U0001f52c */ "):
            code = before + "numbers.is_em"
            found = self.ask(self.client.complete, code, len(code))
            self.assertEqual(found["matches"], ["is_empty()"])
            place = (len(code) - len("is_em"), len(code))
            self.assertEqual((found["cursor_start"], found["cursor_end"]), place)
            (typed,) = found["metadata"]["_jupyter_types_experimental"]
            self.assertEqual((typed["start"], typed["end"]), place)
            self.assertEqual((typed["text"], typed["type"]), ("is_empty()", "function"))

    def test_documentation_comes_as_text_and_as_html(self):
        self.ask(self.client.execute, "let documented = vec![1, 2];")
        code = "/* \U0001f980e\u0301 */ documented.push(3)"
        found = self.ask(self.client.inspect, code, code.index("push") + 2)
        self.assertTrue(found["found"])
        self.assertIn("Appends an element", found["data"]["text/plain"])
        self.assertIn("<p>Appends an element", found["data"]["text/html"])

    def test_types_are_inferred_from_the_part_of_the_standard_library_that_is_read(self):
        self.ask(self.client.execute, "use std::{collections::*, sync::*, rc::Rc, cell::RefCell};")
        for code in (
            "let mut counts = HashMap::new(); for word in [1, 2] { *counts.entry(word).or_insert(0usize) += 1; }",
            'let lists = ["a"].iter().fold(HashMap::new(), |mut map, key| { map.entry(*key).or_insert_with(Vec::new).push(1); map });',
            "let ordered: BTreeMap<_, _> = counts.iter().map(|(word, count)| (*count, *word)).collect();",
            "let shared = Arc::new(Mutex::new(VecDeque::from([1.5])));",
            "let locked = shared.lock().unwrap().iter().copied().fold(0.0, f64::max);",
            "let cell = Rc::new(RefCell::new(HashSet::from([1u8])));",
            'let text = std::fs::read_to_string("/nonexistent").unwrap_or_default().lines().map(str::len).collect::<Vec<_>>();',
            "let (sender, receiver) = mpsc::channel::<u8>();",
            "let now = std::time::Instant::now();",
            "let number = 7u32.checked_pow(2).map(std::num::Wrapping);",
            'let words = "a b".split(\' \').zip(1..).collect::<Vec<_>>();',
            "let zero = unsafe { std::arch::x86_64::_mm_setzero_si128() };",
        ):
            if "arch" in code and platform.machine() != "x86_64":
                continue
            with self.subTest(code):
                self.ask(self.client.execute, code)

    def test_names_are_known_while_a_cell_runs(self):
        self.ask(self.client.execute, "let remembered: Vec<u8> = vec![];")
        cell = self.client.execute("std::thread::sleep(std::time::Duration::from_secs(60));")
        while self.client.get_iopub_msg(timeout=CELL_SECONDS)["parent_header"].get("msg_id") != cell:
            pass
        found = self.ask(self.client.complete, "remem")
        self.assertEqual(found["matches"], ["remembered"])
        found = self.ask(self.client.inspect, "remembered", 3)
        self.assertIn("Vec<u8>", found["data"]["text/plain"])
        self.client.control_channel.send(self.client.session.msg("interrupt_request", {}))
        reply = self.client.get_shell_msg(timeout=CELL_SECONDS)
        self.assertEqual((reply["parent_header"]["msg_id"], reply["content"]["ename"]), (cell, "Interrupted"))


class FailingCells(unittest.TestCase):
    """A cell that fails is one clear error; nothing is lost, and the next cell works."""

    @classmethod
    def setUpClass(cls):
        cls.manager, cls.client = start_new_kernel(kernel_name=KERNEL)
        warm_up(cls.client)

    @classmethod
    def tearDownClass(cls):
        cls.client.stop_channels()
        cls.manager.shutdown_kernel()

    def execute(self, code):
        """The content of the reply, and the outputs as (message type, content)."""
        outputs = []
        reply = self.client.execute_interactive(
            code,
            timeout=CELL_SECONDS,
            output_hook=lambda message: outputs.append((message["msg_type"], message["content"])),
        )
        not_outputs = ("status", "execute_input")
        return reply["content"], [output for output in outputs if output[0] not in not_outputs]

    def value(self, code):
        reply, outputs = self.execute(code)
        self.assertEqual(reply["status"], "ok", reply)
        results = [content for kind, content in outputs if kind in ("execute_result", "display_data")]
        self.assertEqual(len(results), 1, outputs)
        return results[0]["data"]["text/plain"]

    def check_fails(self, code, ename, evalue, advice=""):
        self.assertEqual(self.execute("%pip_job failing-cells")[0]["status"], "ok")
        self.assertEqual(self.execute("%pip_set kept = 41")[0]["status"], "ok")
        self.assertEqual(self.execute("let kept_variable: i32 = 40;")[0]["status"], "ok")
        reply, outputs = self.execute(code)
        self.assertEqual(reply["status"], "error")
        errors = [content for kind, content in outputs if kind == "error"]
        self.assertEqual(len(errors), 1, outputs)
        for content in (reply, errors[0]):
            self.assertRegex(content["ename"], ename)
            self.assertRegex(content["evalue"], evalue)
            self.assertIn(advice, "\n".join(content["traceback"]))
        self.assertEqual(self.value("kept_variable + 2"), "42")
        self.assertEqual(self.value("let kept: i32 = %pip_get kept;\nkept + 1"), "42")

    def test_a_panic(self):
        self.check_fails('panic!("on purpose");', ".+", "on purpose")

    def test_a_failed_question_mark(self):
        self.check_fails('let n: i32 = "many".parse::<i32>()?;', ".+", "invalid digit")

    def test_a_compile_error(self):
        self.check_fails('let n: i32 = "many";', ".+", "mismatched types")

    def test_an_unknown_magic(self):
        self.check_fails("%pip_st a = 1", "^UnknownMagic$", "pip_st", advice="%pip_set")

    def test_a_missing_step(self):
        self.check_fails("let x: i32 = %pip_get absent;", "^MissingStep$", "absent", advice="kept")

    def test_a_missing_step_without_rust(self):
        self.check_fails("%pip_get absent", "^MissingStep$", "absent", advice="kept")
