"""Whether everything that is written on a page can be read: nothing cut off, nothing too small."""

LEAST_PX = 10  # on a laptop; on larger screens all letters are larger
FAULTS = """(least) => {
  const scrolls = /auto|scroll/
  /** Whether a box with something to its sides that nobody can scroll to cuts the text; a title tells it in full. */
  const isCut = (text, element) => {
    for (let box = element; box && box !== document.body; box = box.parentElement) {
      const { overflowX, position } = getComputedStyle(box)
      if (scrolls.test(overflowX)) return false
      if (position === 'absolute' && box.offsetWidth <= 1) return false // for screen readers alone
      const { left, right } = box.getBoundingClientRect()
      if (overflowX !== 'visible' && (text.left < left - 1 || text.right > right + 1)) return !box.closest('[title]')
    }
    return text.left < -1 || text.right > innerWidth + 1
  }
  const faults = new Set()
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (texts.nextNode()) {
    const { currentNode: node } = texts
    const { parentElement: element } = node
    if (!node.data.trim() || element.closest('script, style, [aria-hidden=true]')) continue
    if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue
    const range = document.createRange()
    range.selectNodeContents(node)
    const size = parseFloat(getComputedStyle(element).fontSize)
    if (size < least) faults.add(`${size} px: ${node.data}`)
    if (isCut(range.getBoundingClientRect(), element)) faults.add(`cut off: ${node.data}`)
  }
  return [...faults]
}"""


def unreadable(page, *, least_px=LEAST_PX) -> list[str]:
    """Texts that are cut off at a side, or smaller than so many pixels."""
    found: list[str] = page.evaluate(FAULTS, least_px)
    return found
