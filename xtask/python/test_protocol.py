"""Jupyter's own kernel tests, told what this kernel's cells look like, and what they do not ask: failing cells."""

import unittest

import jupyter_kernel_test
from jupyter_client.manager import start_new_kernel

KERNEL = "pipulate"
# The first cell that uses the pipeline waits for the engine, and on a new machine for the cell library to be compiled.
FIRST_CELL_SECONDS = 600
CELL_SECONDS = 60
WARM_UP = "%pip_job warm-up\nlet warm: i64 = %pip_get absent --default 1;"


def warm_up(client):
    reply = client.execute_interactive(
        WARM_UP, store_history=False, timeout=FIRST_CELL_SECONDS, output_hook=lambda message: None
    )
    assert reply["content"]["status"] == "ok", reply["content"]


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

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        warm_up(cls.kc)


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
