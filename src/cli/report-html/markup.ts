/** HTML or SVG that is safe to put into a page. Made by `markup` alone. */
export class Markup {
  readonly text: string;

  private constructor(text: string) {
    this.text = text;
  }

  /** What stands in the source is markup; every value is escaped, unless it is markup itself. Lists are joined. */
  static of(strings: TemplateStringsArray, ...values: readonly Value[]): Markup {
    const parts = strings.map((part, index) => part + (index < values.length ? render(values[index]) : ''));
    return new Markup(parts.join(''));
  }

  /** For a style sheet of our own, in which nothing may be escaped. */
  static style(css: string): Markup {
    return new Markup(`<style>${css}</style>`);
  }
}

type Value = string | number | Markup | readonly Markup[] | undefined;

export const markup = Markup.of;

function render(value: Value): string {
  if (value === undefined) return '';
  if (value instanceof Markup) return value.text;
  return typeof value === 'object' ? value.map(({ text }) => text).join('') : escapeText(String(value));
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}
