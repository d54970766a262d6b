/** A refusal or a missing answer in sentences: what happened, what is unknown, and what to do. */
import { type ApiFault, NoAnswer } from './api.ts'
import { text } from './text.ts'

/** `typed`: the fault occurred in a form, which its reader can send again. */
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
