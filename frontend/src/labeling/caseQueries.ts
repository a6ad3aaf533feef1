/** For what the reading room asks of one case: after the case was left, its answers are dropped soon, not after five minutes. */
export const OF_A_CASE = { gcTime: 10_000 } as const
