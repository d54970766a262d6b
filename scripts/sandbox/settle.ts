/**
 * Decides what a start finds and what it makes: a sandbox that runs, one to go on with, one to put aside, or
 * none.
 */
import { type Kind, keptIn, SANDBOX_VERSION, setAside } from './version.ts'

type Settled = { isNew: boolean; kind: Kind; notes: string[] }

/**
 * `kind` is what is made if something has to be made. A lean start goes on with a living sandbox as it is.
 */
export function settle(q: { directory: string; fresh: boolean; kind: Kind }): Settled {
  const { directory, fresh, kind } = q
  const kept = keptIn(directory)
  const make = (notes: string[]): Settled => ({ isNew: true, kind, notes })
  if (kept === undefined) return make([])
  if (fresh) return make(['--fresh: the sandbox that was there is deleted, and a new one is made.'])
  if (!kept.isFinished)
    return make(['An earlier start did not finish making it: what is there is deleted, and it is made anew.'])
  const isOther = kept.version !== SANDBOX_VERSION
  if (!isOther && (kept.kind === kind || kind === 'lean')) return { isNew: false, kind: kept.kind, notes: [] }
  const aside = setAside(directory, isOther ? kept.version : `${kept.version}-lean`)
  return make([
    isOther
      ? `The sandbox that was there is of version ${kept.version}; this program makes version ${SANDBOX_VERSION}.`
      : 'The sandbox that was there has no past and three agencies (--once or --lean made it).',
    `It is kept in ${aside}: delete that folder when you need it no more. A new one is made, with new keys and passwords.`,
  ])
}
