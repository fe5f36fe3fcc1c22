//! Several clients of one kernel.

use crate::kernel::Kernel;

#[test]
fn each_client_is_welcomed_and_the_kernel_starts_once() {
    let kernel = Kernel::start_tcp();
    let one = kernel.first_client();
    let two = kernel.client();
    one.expect_welcome();
    let three = kernel.client();
    one.expect_welcome();
    two.expect_welcome();
    // Nobody is told `starting` again: each has now seen everything.
    for client in [&one, &two, &three] {
        client.expect_nothing(crate::frontend::Channel::Iopub);
    }
    drop(three);
    one.expect_of_other(&["busy", "idle"]);
    two.expect_of_other(&["busy", "idle"]);
    drop(two);
    one.expect_of_other(&["busy", "idle"]);
}

#[test]
fn replies_go_to_the_one_who_asked_and_outputs_to_everyone() {
    let kernel = Kernel::start();
    let one = kernel.first_client();
    let two = kernel.client();
    one.expect_welcome();
    let first = one.execute("sleep 20\nvalue 1");
    first.busy().input(1, "sleep 20\nvalue 1");
    let second = two.execute("value 2");
    first.result(1, "1").executed(1).idle();
    two.expect_of_other(&["busy", "execute_input", "execute_result", "idle"]);
    second.busy().input(2, "value 2").result(2, "2").executed(2).idle();
    one.expect_of_other(&["busy", "execute_input", "execute_result", "idle"]);
    drop(two);
    one.expect_of_other(&["busy", "idle"]);
}

#[test]
fn a_client_that_goes_leaves_the_others_alone() {
    let kernel = Kernel::start();
    let one = kernel.first_client();
    let two = kernel.client();
    one.expect_welcome();
    let request = two.execute("sleep 50\nvalue 1");
    request.busy();
    two.ignore_the_rest();
    drop(two);
    one.expect_of_other(&["busy", "execute_input", "execute_result", "idle"]);
    one.execute("value 2")
        .busy()
        .input(2, "value 2")
        .result(2, "2")
        .executed(2)
        .idle();
}
