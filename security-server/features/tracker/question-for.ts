/** The question to the index by person for one subsystem, without what is withheld today. `nextEnd`: when the first of that is told. */
import type { Period } from './read-question.ts'
import type { TrackerRooms, UsesQuestion } from './rooms.ts'

/** Who asks which tracker: identifiers in text form. */
export type AskedTracker = { client: string; subsystem: string }

export async function questionFor(
  { subsystem }: AskedTracker,
  period: Period,
  { store, clock }: Pick<TrackerRooms, 'store' | 'clock'>,
): Promise<
  Pick<UsesQuestion, 'subsystem' | 'from' | 'to' | 'general' | 'withheld'> & { nextEnd: string | undefined }
> {
  const exceptions = await store.inForce(subsystem, new Date(clock()).toISOString())
  const rules = await store.rules(subsystem)
  const of = (scope: string): string[] =>
    exceptions.filter((one) => one.scope === scope).map(({ target }) => target)
  const general = [...rules.values()].filter(({ isGeneral }) => isGeneral).map(({ service }) => service)
  const records = of('message').map(Number)
  const [nextEnd] = exceptions.map(({ ends_at: at }) => at).sort()
  return { subsystem, general, nextEnd, ...period, withheld: { records, contracts: of('contract') } }
}
