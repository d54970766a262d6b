/** The state of a server's answer to an order; pure. */
type ServerAnswer = { outcome: string | null; answered_at: string | null }

const ANSWER_STATES = ['WAITING', 'ANSWERED', 'REFUSED', 'LATE', 'OVERDUE'] as const
type AnswerState = (typeof ANSWER_STATES)[number]

/**
 * LATE: answered after the deadline. OVERDUE: the deadline is over without an answer or a refusal before it;
 * a refusal after the deadline changes nothing.
 */
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
