"""Opening a page, as a person with that window and those eyes would, and waiting for it."""

from pathlib import Path

PATIENCE = 1000  # looks, 30 milliseconds apart


def visit(tab, address, *, width=1200, height=900, dark=False):
    """Open a file or an address anew and wait until it is loaded."""
    tab.emulate_media(color_scheme="dark" if dark else "light")
    tab.set_viewport_size({"width": width, "height": height})
    tab.goto("about:blank")  # or an address that differs after the # alone would not be loaded
    tab.goto(address.resolve().as_uri() if isinstance(address, Path) else address)


def until(tab, expression):
    """Wait until an expression, or what it promises, is true in the page.

    Playwright's own wait_for_function makes code of text inside the page, which the page's policy refuses.
    """
    from playwright.sync_api import Error  # only here: who has none skips these tests

    for _ in range(PATIENCE):
        try:
            if tab.evaluate(f"Promise.resolve({expression}).then(Boolean)"):
                return
        except Error as error:
            if "context was destroyed" not in str(error):  # the page is on its way to another
                raise
        tab.wait_for_timeout(30)
    raise TimeoutError(f"{expression}\n{tab.inner_text('body')[:2000]}")
