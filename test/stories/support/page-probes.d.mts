export interface ProbedMark {
  readonly title: string;
  readonly middle: number;
  readonly top: number;
}

export function probePlots(): {
  readonly name: string;
  readonly flags: number;
  readonly series: readonly (readonly ProbedMark[])[];
}[];

export function probeTable(): {
  readonly runId: string;
  readonly startedAt: string;
  readonly cells: readonly { readonly field: string; readonly value: number; readonly text: string }[];
}[];

export interface ProbedLabel {
  readonly text: string;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  readonly isInside: boolean;
}

export function probeLayout(): {
  readonly overflowPx: number;
  readonly outside: readonly string[];
  readonly labels: readonly (readonly ProbedLabel[])[];
};

export function probeContrast(): {
  readonly back: readonly number[];
  readonly texts: readonly { readonly text: string; readonly contrast: number }[];
  readonly marks: readonly number[];
};
