"""A short report (one sample, four items) set by ``reports.pdf.Renderer`` (warm child process, PDF/A) against a stock WeasyPrint
call with the same HTML and style sheet in this process, in turns; and against a warm Chromium printing the same
page to PDF, where one is installed.

Times are of the wall clock: the Renderer's include the way to its child process and back. Setting alone is
measured again in this process, by processor time.
"""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO

from pypdf import PdfReader
from weasyprint import CSS, HTML

from benchmarks.figures import Target, figure
from benchmarks.support.timing import side_by_side
from reports.html import certificate_html, style_sheet
from reports.pdf import Renderer
from reports.typeset import typeset
from tests.reports.papers import make_document

FASTER, CHROMIUM = Target(">=", 1.5), Target("<=", 1.1)


def stock(page: str) -> bytes:
    """As the documentation of WeasyPrint shows it."""
    return bytes(HTML(string=page).write_pdf(stylesheets=[CSS(string=style_sheet())]))


@contextmanager
def chromium(page: str) -> Iterator[Callable[[], object] | None]:
    """Prints the page in a browser that is open already; None where there is none."""
    program = shutil.which("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        program = None
    if program is None:
        yield None
        return
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_page()
        whole = page.replace("</head>", f"<style>{style_sheet()}</style></head>", 1)

        def printed() -> bytes:
            tab.set_content(whole)
            return tab.pdf(format="A4", prefer_css_page_size=True)

        yield printed
        browser.close()


def _alone(page: str) -> None:
    """Setting alone, in this process, by processor time: also a busy machine says something then."""
    calls = (lambda: typeset(page, seed=b"bench"), lambda: stock(page))
    ours, theirs = side_by_side(*calls, count=8, warm=1, clock=time.process_time)
    ratio, name = theirs.median / ours.median, f"setting it alone ({ours.median:.0f} ms of processor time)"
    figure(name, ratio, "times faster", FASTER, ratio=ratio, ratio_to="a stock WeasyPrint call (medians)")


def main() -> None:
    document = make_document()
    page = certificate_html(document)
    with Renderer() as renderer, chromium(page) as browser:
        pages = len(PdfReader(BytesIO(renderer.render(document))).pages)
        works: list[Callable[[], object]] = [lambda: renderer.render(document), lambda: stock(page)]
        if browser is not None:
            works.append(browser)
        ours, theirs, *others = side_by_side(*works, count=10, warm=2)
    _alone(page)
    ratio = theirs.median / ours.median
    name = f"report of {pages} pages, warm ({ours.median:.0f} ms)"
    figure(name, ratio, "times faster", FASTER, ratio=ratio, ratio_to="a stock WeasyPrint call (medians)")
    for other in others:
        ratio = ours.median / other.median
        name = f"report of {pages} pages against a browser ({other.median:.0f} ms)"
        figure(name, ratio, "times its time", CHROMIUM, ratio=ratio, ratio_to="warm Chromium (medians)")


if __name__ == "__main__":
    main()
