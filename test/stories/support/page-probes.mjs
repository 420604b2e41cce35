// Functions that run inside the page: each stands alone, and what it returns is plain data.

/** Where the marks of every plot lie, and what they say. */
export function probePlots() {
  return [...document.querySelectorAll('figure.plot')].map((figure) => ({
    name: figure.id,
    flags: figure.querySelectorAll(':scope > svg .flag').length,
    series: [...figure.querySelectorAll(':scope > svg .series, :scope > svg .bars')].map((series) =>
      [...series.querySelectorAll('.mark')].map((mark) => {
        const box = (mark.querySelector(':scope > :not(title)') ?? mark).getBoundingClientRect();
        return {
          title: mark.querySelector('title').textContent,
          middle: box.left + box.width / 2,
          top: box.top,
        };
      }),
    ),
  }));
}

/** Every value of the table of runs. */
export function probeTable() {
  return [...document.querySelectorAll('table.runs tbody tr')].map((row) => ({
    runId: row.dataset.run,
    startedAt: row.querySelector('time').dateTime,
    cells: [...row.querySelectorAll('data')].map(({ dataset, value, textContent }) => ({
      field: dataset.field,
      value: Number(value),
      text: textContent,
    })),
  }));
}

/** What is wider than the page, and where the labels of the plots lie. */
export function probeLayout() {
  const { clientWidth, scrollWidth } = document.documentElement;
  // What is inside a part that scrolls may be as wide as it likes.
  const boxes = [...document.querySelectorAll('body *')].filter((one) => {
    const scroller = one.closest('.scroll');
    return scroller === null || scroller === one;
  });
  const outside = boxes.filter((one) => {
    const { left, right } = one.getBoundingClientRect();
    return left < -0.5 || right > clientWidth + 0.5;
  });
  const labels = [...document.querySelectorAll('figure > svg')].map((svg) => {
    const frame = svg.getBoundingClientRect();
    return [...svg.querySelectorAll('text')].map((text) => {
      const { left, right, top, bottom } = text.getBoundingClientRect();
      const isInside = left >= frame.left - 0.5 && right <= frame.right + 0.5 && bottom <= frame.bottom + 0.5;
      return { text: text.textContent, left, right, top, bottom, isInside };
    });
  });
  return {
    overflowPx: scrollWidth - clientWidth,
    outside: outside.map(({ outerHTML }) => outerHTML.slice(0, 80)),
    labels,
  };
}

/** Contrast, as WCAG 2 has it, of every text and every mark with what is behind it. */
export function probeContrast() {
  const parse = (colour) => (colour.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = (rgb) => {
    const [r, g, b] = rgb.slice(0, 3).map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const backOf = (element) => {
    for (let one = element; one !== null; one = one.parentElement) {
      const [r, g, b, alpha = 1] = parse(getComputedStyle(one).backgroundColor);
      if (alpha === 1) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const contrast = (element, property) => {
    const colours = [parse(getComputedStyle(element)[property]), backOf(element)].map(luminance);
    return (Math.max(...colours) + 0.05) / (Math.min(...colours) + 0.05);
  };
  const isText = ({ nodeType, textContent }) => nodeType === Node.TEXT_NODE && textContent.trim() !== '';
  const texts = [...document.querySelectorAll('body *')].filter(
    (one) => one.tagName !== 'title' && [...one.childNodes].some(isText),
  );
  const lines = [...document.querySelectorAll('.series > path, .limit, .axis, .flag path')];
  const bars = [...document.querySelectorAll('.bars .mark')];
  return {
    back: backOf(document.body),
    texts: texts.map((one) => ({
      text: one.textContent.slice(0, 40),
      contrast: contrast(one, one instanceof SVGElement ? 'fill' : 'color'),
    })),
    marks: [...lines.map((one) => contrast(one, 'stroke')), ...bars.map((one) => contrast(one, 'fill'))],
  };
}
