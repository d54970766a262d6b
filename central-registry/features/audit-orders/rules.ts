/** In what state a server is with an order; pure. */
type ServerAnswer = { outcome: string | null; answered_at: string | null }

const ANSWER_STATES = ['WAITING', 'ANSWERED', 'REFUSED', 'LATE', 'OVERDUE'] as const
type AnswerState = (typeof ANSWER_STATES)[number]

/** LATE: answered when the deadline was over. OVERDUE: over, and nothing came before it but perhaps a refusal since, which ends nothing. */
export function answerState(
  { outcome, answered_at }: ServerAnswer,
  deadline: string,
  now: string,
): AnswerState {
  if (outcome === null) return deadline <= now ? 'OVERDUE' : 'WAITING'
  const isLate = (answered_at ?? '') > deadline
  if (outcome === 'refused') return isLate ? 'OVERDUE' : 'REFUSED'
  return isLate ? 'LATE' : 'ANSWERED'
}
