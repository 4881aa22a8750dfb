"""Opens a page in a window of a given size and waits for what it shows and requests."""

from pathlib import Path

MAX_POLLS = 1000  # 30 milliseconds apart


def visit(tab, address, *, width=1200, height=900, dark=False):
    """Load a file or an address and wait until it is loaded."""
    tab.emulate_media(color_scheme="dark" if dark else "light")
    tab.set_viewport_size({"width": width, "height": height})
    tab.goto("about:blank")  # otherwise an address that differs only after the # would not be loaded
    tab.goto(address.resolve().as_uri() if isinstance(address, Path) else address)


def until(tab, expression):
    """Wait until a JavaScript expression, or the promise that it returns, is true.

    Playwright's wait_for_function evaluates text inside the page, which the page's policy refuses.
    """
    from playwright.sync_api import Error  # without Playwright these tests are skipped

    for _ in range(MAX_POLLS):
        try:
            if tab.evaluate(f"Promise.resolve({expression}).then(Boolean)"):
                return
        except Error as error:
            if "context was destroyed" not in str(error):  # the page is navigating
                raise
        tab.wait_for_timeout(30)
    raise TimeoutError(f"{expression}\n{tab.inner_text('body')[:2000]}")


def quiet(tab, log):
    """Wait until the page requests nothing for half a second; what it has asked for may still be on its way."""
    for _ in range(60):
        log.requests.clear()
        tab.wait_for_timeout(500)
        if not log.requests:
            return
    raise TimeoutError(f"the page requests without end: {log.requests[:10]}")
