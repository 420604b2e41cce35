/** Changes rows in one run of the gateway's writer queue. */
export const COMMIT_METHOD = 'clawback.commit';
/** Says which sessions of a store a run works on. */
export const ACTIVE_METHOD = 'clawback.active';
