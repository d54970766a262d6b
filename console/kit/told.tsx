/** A sentence of the server: the times in it stand in the reader's zone and form. */
import { Time } from './time.tsx'

const TIMES = /(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)/

export function Told({ words }: { words: string }) {
  return (
    <span class="wrap">
      {words
        .split(TIMES)
        .map((part, at) =>
          at % 2 === 1 ? <Time key={at} at={part} relative /> : <bdi key={at}>{part}</bdi>,
        )}
    </span>
  )
}
