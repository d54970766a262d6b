/** What was refused, or not answered, as sentences: what happened, what of it is not known, and what to do. */
import { type ApiFault, NoAnswer } from './api.ts'
import { text } from './text.ts'

/** `typed`: in a form, whose reader may send it again. */
export function wordsOf(fault: ApiFault, typed = false): string[] {
  if (!(fault instanceof NoAnswer)) {
    return [fault.message === '' ? text('kit.noWords', { status: String(fault.status) }) : fault.message]
  }
  const { seconds, isAct } = fault
  return [
    seconds === undefined ? text('kit.unreachable') : text('kit.late', { count: seconds }),
    ...(isAct ? [text('kit.maybeDone')] : []),
    ...(typed ? [text(isAct ? 'form.keptToRepeat' : 'form.kept')] : []),
  ]
}
