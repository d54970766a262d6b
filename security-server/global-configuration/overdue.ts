/**
 * What holds when the configuration or suspension list of an instance is past its ordinary end: nobody
 * exchanges by it, except under a contract that grants an outage grace, for as long as the instance's
 * registry published before.
 */
import { Fault } from '#schemas/fault.ts'
import { say, type Word } from '#schemas/said.ts'

export type Overdue = {
  code: 'global_conf_outdated' | 'suspension_list_outdated'
  /** The ordinary end (ms). */
  since: number
  /** How long ago that was (ms), by the time that does not go back. */
  forMs: number
}

/** The fault of a call that nothing allows after the ordinary end; `why` says which contract does not. */
export function overdueFault({ code, since }: Overdue, why: Word): Fault {
  return new Fault(code, { what: say`since ${new Date(since).toISOString()}; ${why}` })
}

/**
 * Throws the fault when an instance is overdue: for calls that no contract lets go on, such as metadata and
 * management services.
 */
export function checkNotOverdue(
  snapshot: { overdue(instances: readonly string[]): Overdue | undefined },
  instances: readonly string[],
): void {
  const overdue = snapshot.overdue(instances)
  if (overdue !== undefined) throw overdueFault(overdue, say`this service has no outage grace`)
}
