/** Cells by the title of their column. */
export type LiveCells = Readonly<Record<string, string | number>>;

/** A Markdown table, printed row by row as rounds end. Every round is asked for zeros. */
export class LiveTable {
  readonly #say: (text: string) => void;
  #rows = 0;
  #isClean = true;

  constructor(say: (text: string) => void) {
    this.#say = say;
  }

  /** Whether all that should have been zero was. */
  get isClean(): boolean {
    return this.#isClean;
  }

  /** @param zeros what must be zero of this row. */
  row(cells: LiveCells, zeros: readonly number[]): void {
    if (this.#rows === 0) {
      const titles = Object.keys(cells);
      this.#print(titles);
      this.#print(titles.map(() => '---'));
    }
    this.#rows += 1;
    this.#print(Object.values(cells));
    this.#isClean &&= zeros.every((zero) => zero === 0);
  }

  #print(cells: readonly (string | number)[]): void {
    this.#say(`| ${cells.join(' | ')} |`);
  }
}
