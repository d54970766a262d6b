/**
 * A sentence of the server: the times in it stand in the reader's zone and form, digests are folded, and what
 * it names by id stands by its name. With `subsystems`, the ids of those in question, every other id of four
 * parts is a security server's: the ids of both are written alike, DEV/GOV/1001/one.
 */
import { useConsole } from './context.ts'
import { Copyable } from './copyable.tsx'
import { NamedInSentence, NamedServerInSentence, NameOf } from './named.tsx'
import { text } from './text.ts'
import { Time } from './time.tsx'

const TIME = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z`
const CONTRACT = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}'
/** In hex, as the servers write them: 64 digits would break in the middle on a phone. */
const DIGEST = '[0-9a-f]{64}'
const only = (what: string): RegExp => new RegExp(`^${what}$`)
const [ONLY_TIME, ONLY_CONTRACT, ONLY_DIGEST] = [only(TIME), only(CONTRACT), only(DIGEST)]
const CLIENT = /^[^:]+(?::[^:]+){3}$/

type Props = { words: string; subsystems?: readonly string[] }

export function Told({ words, subsystems = [] }: Props) {
  const { instance } = useConsole().session
  return (
    <span class="told wrap">
      {words
        .split(placesOf(instance))
        .map((part, at) =>
          at % 2 === 1 ? <Known key={at} of={part} subsystems={subsystems} /> : <bdi key={at}>{part}</bdi>,
        )}
    </span>
  )
}

function Known({ of, subsystems }: { of: string; subsystems: readonly string[] }) {
  if (ONLY_TIME.test(of)) return <Time at={of} relative />
  if (ONLY_CONTRACT.test(of)) return <NamedInSentence id={of} />
  if (ONLY_DIGEST.test(of)) return <Copyable value={of} label={text('audit.digest')} />
  // Faults write ids with slashes, in which parts are encoded as in addresses.
  const id = of.includes('/') ? decoded(of) : of
  if (subsystems.length > 0 && CLIENT.test(id))
    return subsystems.includes(id) ? <NamedInSentence id={id} /> : <NamedServerInSentence id={id} />
  return (
    <span title={id}>
      <NameOf id={id} />
    </span>
  )
}

/** Ids of this instance alone: what looks like one of another is not told from a path. */
function placesOf(instance: string | undefined): RegExp {
  const part = String.raw`[^\s/:(),;"“”]*[^\s/:(),;"“”.]`
  const own = instance === undefined ? [] : [`${instance.replaceAll(/\W/g, '\\$&')}(?:[/:]${part}){2,5}`]
  return new RegExp(String.raw`(?<![\w/:.-])(${[TIME, CONTRACT, DIGEST, ...own].join('|')})(?![\w/-]|:\S)`)
}

function decoded(of: string): string {
  try {
    return of.split('/').map(decodeURIComponent).join(':')
  } catch {
    return of
  }
}
