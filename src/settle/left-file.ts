/** A file of an archived conversation that stays on the disk. */
export interface LeftFile {
  readonly name: string;
  readonly why: string;
  /** It should have gone and could not be removed; otherwise it has changed, or was gone already. */
  readonly isFailure: boolean;
}
