// Measures a page as it is laid out, and returns what is wrong with it: a list of "check: where, what".
// `width` is the width of the window in pixels, `print` whether the page is laid out for A4 paper.
(width, print) => {
  const problems = [];
  const where = (e) => {
    const text = (e.textContent || '').trim().replace(/\s+/g, ' ').slice(0, 40);
    const box = e.closest('figure, section, header, footer');
    const title = box && box.querySelector('h2, svg > title');
    return `<${e.tagName.toLowerCase()}> '${text}'` + (title ? ` in '${title.textContent.slice(0, 40)}'` : '');
  };
  const say = (check, element, what) => problems.push(`${check}: ${where(element)}, ${what}`);
  const all = (selector) => [...document.body.querySelectorAll(selector)];
  all('details').forEach((d) => { d.open = true; });

  const seen = (e) => e.checkVisibility({checkVisibilityCSS: true}) && !e.closest('defs, title, desc');
  const scrolls = (e) => ['auto', 'scroll'].includes(getComputedStyle(e).overflowX);
  const inScrollBox = (e) => {
    for (let box = e.parentElement; box && box !== document.body; box = box.parentElement)
      if (scrolls(box)) return true;
    return false;
  };

  // Layout: nothing wider than the window, nothing outside it, no text cut off by its picture.
  const page = document.documentElement.scrollWidth;
  if (page > width) problems.push(`width: the page is ${page} pixels wide in a window of ${width}`);
  for (const e of all('*')) {
    const r = e.getBoundingClientRect();
    if (!seen(e) || (!r.width && !r.height) || inScrollBox(e)) continue;
    if (r.left < -1 || r.right > width + 1)
      say('outside', e, `from ${Math.round(r.left)} to ${Math.round(r.right)} in a window of ${width}`);
    if (e.ownerSVGElement && e.tagName === 'text') {
      const s = e.ownerSVGElement.getBoundingClientRect();
      if (r.left < s.left - 1 || r.right > s.right + 1 || r.top < s.top - 1 || r.bottom > s.bottom + 1)
        say('cut', e, 'beyond the edge of its picture');
    }
  }
  const paper = (297 - 2 * 14) / 25.4 * 96;
  if (print)
    for (const e of all('figure, tr'))
      if (e.getBoundingClientRect().height > paper) say('tall', e, 'higher than a sheet of paper');

  // Texts of one picture do not touch.
  for (const svg of all('svg')) {
    const texts = [...svg.querySelectorAll('text')].filter(seen).map((e) => [e, e.getBoundingClientRect()]);
    texts.forEach(([a, r], i) => {
      for (const [b, s] of texts.slice(i + 1)) {
        const x = Math.min(r.right, s.right) - Math.max(r.left, s.left);
        const y = Math.min(r.bottom, s.bottom) - Math.max(r.top, s.top);
        if (x > 1 && y > 2) say('overlap', a, `over '${b.textContent.slice(0, 40)}' by ${Math.round(x)} x ${Math.round(y)}`);
      }
    });
  }

  // Text: size on the screen, and contrast with what lies behind it.
  const parsed = (colour) => {
    const n = colour.match(/[\d.]+/g);
    return n ? {rgb: n.slice(0, 3).map(Number), alpha: n.length > 3 ? Number(n[3]) : 1} : {rgb: [0, 0, 0], alpha: 0};
  };
  const over = (top, alpha, below) => below.map((v, i) => alpha * top[i] + (1 - alpha) * v);
  const grounds = new Map([[null, [255, 255, 255]]]);
  const ground = (e) => {
    if (!grounds.has(e)) {
      const {rgb, alpha} = parsed(getComputedStyle(e).backgroundColor);
      grounds.set(e, over(rgb, alpha, ground(e.parentElement)));
    }
    return grounds.get(e);
  };
  const behind = (text) => {
    const svg = text.ownerSVGElement;
    if (!svg) return ground(text);
    const box = text.getBoundingClientRect();
    const x = (box.left + box.right) / 2, y = (box.top + box.bottom) / 2;
    let colour = ground(svg.parentElement);
    for (const e of svg.querySelectorAll('*')) {
      if (e === text) break;
      if (['use', 'image'].includes(e.tagName) && seen(e)) {
        const r = e.getBoundingClientRect();
        if (x > r.left && x < r.right && y > r.top && y < r.bottom) return null;  // a picture
      }
      if (!e.isPointInFill || e.closest('defs')) continue;
      const style = getComputedStyle(e);
      const local = new DOMPoint(x, y).matrixTransform(e.getScreenCTM().inverse());
      if (style.fill === 'none' || !e.isPointInFill(local)) continue;
      const {rgb, alpha} = parsed(style.fill);
      colour = over(rgb, alpha * Number(style.fillOpacity) * Number(style.opacity), colour);
    }
    return colour;
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const elements = new Set();
  while (walker.nextNode())
    if (walker.currentNode.textContent.trim()) elements.add(walker.currentNode.parentElement);
  for (const e of elements) {
    if (!seen(e) || e.closest('style, script')) continue;
    const style = getComputedStyle(e), inPicture = !!e.ownerSVGElement;
    const matrix = inPicture ? e.getScreenCTM() : null;
    const size = parseFloat(style.fontSize) * (matrix ? Math.hypot(matrix.a, matrix.b) : 1);
    if (size < 11) say('size', e, `${size.toFixed(1)} pixels high`);
    const back = behind(e);
    if (!back) {
      say('contrast', e, 'over a picture');
      continue;
    }
    const {rgb, alpha} = parsed(inPicture ? style.fill : style.color);
    const [low, high] = [luminance(over(rgb, alpha, back)), luminance(back)].sort((a, b) => a - b);
    const ratio = (high + 0.05) / (low + 0.05);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) say('contrast', e, `${ratio.toFixed(2)} to 1`);
  }

  // Pictures are there, and have a name for those who do not see them.
  for (const e of all('svg, img, use')) {
    if (!seen(e)) continue;
    const r = e.getBoundingClientRect();
    if (r.width < 2 || r.height < 2 || e.naturalWidth === 0) say('empty', e, `${r.width} x ${r.height}`);
  }
  for (const e of all('svg'))
    for (const part of ['title', 'desc'])
      if (!e.querySelector(`:scope > ${part}`)?.textContent) say('name', e, `has no ${part}`);
  for (const e of all('img')) if (!e.hasAttribute('alt')) say('name', e, 'has no alt text');

  // Headings go down by one level at a time, from a single first one. No scripts.
  let level = 0;
  for (const e of all('h1, h2, h3, h4, h5, h6')) {
    const now = Number(e.tagName[1]);
    if (now > level + 1 || (now === 1 && level > 0)) say('heading', e, `level ${now} after ${level}`);
    level = now;
  }
  if (!level) problems.push('heading: there is none');
  for (const e of document.scripts) say('script', e, 'in a page that is to do without');
  return problems;
}
