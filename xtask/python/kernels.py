"""What every test of a running kernel needs."""

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
