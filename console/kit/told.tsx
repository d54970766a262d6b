/**
 * A sentence of the server: the times in it stand in the reader's zone and form, contracts under their titles. With `subsystems`, the ids
 * of those in question, subsystems and security servers have their names too: the ids of both are written alike, DEV/GOV/1001/one.
 */
import { NamedInSentence, NamedServerInSentence } from './named.tsx'
import { Time } from './time.tsx'

const TIME = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z`
const CONTRACT = String.raw`\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`
// An address on the web has the same form behind its slashes.
const CLIENT = String.raw`(?<![\w/:.-])[^\s:;,/()]+(?:/[^\s:;,/()]+){3}(?![\w/])`
const PARTS = new RegExp(`(${TIME}|${CONTRACT}|${CLIENT})`)
const [ONLY_TIME, ONLY_CONTRACT] = [new RegExp(`^${TIME}$`), new RegExp(`^${CONTRACT}$`)]

type Props = { words: string; subsystems?: readonly string[] }

export function Told({ words, subsystems = [] }: Props) {
  return (
    <span class="wrap">
      {words
        .split(PARTS)
        .map((part, at) =>
          at % 2 === 1 ? <Known key={at} part={part} subsystems={subsystems} /> : <bdi key={at}>{part}</bdi>,
        )}
    </span>
  )
}

function Known({ part, subsystems }: { part: string; subsystems: readonly string[] }) {
  if (ONLY_TIME.test(part)) return <Time at={part} relative />
  if (ONLY_CONTRACT.test(part)) return <NamedInSentence id={part} />
  const id = part.replaceAll('/', ':')
  if (subsystems.includes(id)) return <NamedInSentence id={id} />
  return subsystems.length > 0 ? <NamedServerInSentence id={id} /> : <bdi>{part}</bdi>
}
