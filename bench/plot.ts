/**
 * A line plot as SVG: axes with units, a legend, and the conditions underneath. Text is the reader's own font, lines
 * are told apart by dashes as well as by color.
 */

export interface Series {
  readonly name: string;
  readonly color: string;
  readonly dashed?: boolean;
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

export interface Axis {
  readonly label: string;
  readonly isLogarithmic?: boolean;
}

export interface Plot {
  readonly title: string;
  /** Lines under the plot: the conditions that it was measured under. */
  readonly caption: readonly string[];
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
  /** Vertical lines. */
  readonly marks?: readonly { readonly x: number; readonly label: string; readonly color: string }[];
}

const WIDTH = 860;
const AREA = { left: 80, right: 830, top: 50, bottom: 430 };
const CAPTION_LINE = 16;
const CAPTION_CHARACTERS = 130;
const TICKS_ABOUT = 8;

/** Where values lie between two pixels, and which of them are worth a line. */
interface Scale {
  readonly at: (value: number) => number;
  readonly ticks: readonly number[];
}

export function linePlot({ title, caption, x, y, series, marks = [] }: Plot): string {
  const points = series.flatMap((one) => one.points);
  const xs = makeScale(
    x,
    [...points.map((point) => point.x), ...marks.map((mark) => mark.x)],
    AREA.left,
    AREA.right,
  );
  const ys = makeScale(
    y,
    points.map((point) => point.y),
    AREA.bottom,
    AREA.top,
  );
  const lines = caption.flatMap((line) => wrap(line, CAPTION_CHARACTERS));
  const captionTop = AREA.bottom + 64;
  const height = captionTop + CAPTION_LINE * lines.length + 4;
  const parts = [
    text(AREA.left, 26, title, 'font-size="17" font-weight="600"'),
    ...xs.ticks.flatMap((tick) => [
      line(xs.at(tick), AREA.top, xs.at(tick), AREA.bottom, "#e5e7eb"),
      text(xs.at(tick), AREA.bottom + 18, format(tick), 'text-anchor="middle"'),
    ]),
    ...ys.ticks.flatMap((tick) => [
      line(AREA.left, ys.at(tick), AREA.right, ys.at(tick), "#e5e7eb"),
      text(AREA.left - 8, ys.at(tick) + 4, format(tick), 'text-anchor="end"'),
    ]),
    line(AREA.left, AREA.bottom, AREA.right, AREA.bottom, "#111827"),
    line(AREA.left, AREA.top, AREA.left, AREA.bottom, "#111827"),
    text((AREA.left + AREA.right) / 2, AREA.bottom + 40, x.label, 'text-anchor="middle"'),
    `<g transform="translate(20 ${(AREA.top + AREA.bottom) / 2}) rotate(-90)">${text(0, 0, y.label, 'text-anchor="middle"')}</g>`,
    ...marks.flatMap((mark, i) => [
      line(xs.at(mark.x), AREA.top, xs.at(mark.x), AREA.bottom, mark.color, "2 4"),
      text(xs.at(mark.x) - 5, AREA.bottom - 8 - 16 * i, mark.label, `text-anchor="end" fill="${mark.color}"`),
    ]),
    ...series.map((one) => drawSeries(one, xs, ys)),
    ...series.flatMap((one, i) => [
      line(
        AREA.left + 14,
        AREA.top + 14 + 18 * i,
        AREA.left + 44,
        AREA.top + 14 + 18 * i,
        one.color,
        dashes(one),
        2,
      ),
      text(AREA.left + 52, AREA.top + 18 + 18 * i, one.name),
    ]),
    ...lines.map((each, i) =>
      text(AREA.left, captionTop + CAPTION_LINE * i, each, 'font-size="11" fill="#4b5563"'),
    ),
  ];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="12">`,
    `<title>${escapeXml(title)}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    ...parts,
    "</svg>\n",
  ].join("\n");
}

function drawSeries(one: Series, xs: Scale, ys: Scale): string {
  const at = one.points.map(({ x, y }) => `${round(xs.at(x))},${round(ys.at(y))}`);
  const dots = one.points.map(
    ({ x, y }) => `<circle cx="${round(xs.at(x))}" cy="${round(ys.at(y))}" r="2.5" fill="${one.color}"/>`,
  );
  return `<polyline points="${at.join(" ")}" fill="none" stroke="${one.color}" stroke-width="2"${dashes(one) === "" ? "" : ` stroke-dasharray="${dashes(one)}"`}/>${dots.join("")}`;
}

function dashes({ dashed = false }: Series): string {
  return dashed ? "6 4" : "";
}

function makeScale(axis: Axis, values: readonly number[], from: number, to: number): Scale {
  const largest = Math.max(...values, Number.MIN_VALUE);
  if (axis.isLogarithmic === true) {
    const smallest = Math.min(...values.filter((value) => value > 0), largest);
    const [low, high] = [Math.floor(Math.log10(smallest)), Math.ceil(Math.log10(largest))];
    const ticks: number[] = [];
    for (let power = low; power <= high; power++) {
      for (const digit of [1, 2, 5]) if (power < high || digit === 1) ticks.push(digit * 10 ** power);
    }
    const span = Math.max(1, high - low);
    return {
      at: (value) => from + ((Math.log10(Math.max(value, 10 ** low)) - low) / span) * (to - from),
      ticks,
    };
  }
  const step = niceStep(largest / TICKS_ABOUT);
  const end = step * Math.ceil(largest / step);
  const ticks = Array.from({ length: Math.round(end / step) + 1 }, (_, i) => i * step);
  return { at: (value) => from + (value / end) * (to - from), ticks };
}

/** The next of 1, 2, 5, 10, … */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return power * [1, 2, 5, 10].find((digit) => digit * power >= least)!;
}

function line(x1: number, y1: number, x2: number, y2: number, color: string, dash = "", width = 1): string {
  const at = `x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}"`;
  return `<line ${at} stroke="${color}" stroke-width="${width}"${dash === "" ? "" : ` stroke-dasharray="${dash}"`}/>`;
}

function text(x: number, y: number, words: string, attributes = ""): string {
  return `<text x="${round(x)}" y="${round(y)}"${attributes === "" ? "" : ` ${attributes}`}>${escapeXml(words)}</text>`;
}

function wrap(words: string, characters: number): string[] {
  return words.match(new RegExp(`.{1,${characters}}(?:\\s+|$)`, "g")) ?? [words];
}

function format(value: number): string {
  return value >= 1_000 ? value.toLocaleString("en-US") : String(Number(value.toPrecision(3)));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escapeXml(words: string): string {
  return words.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
