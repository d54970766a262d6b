/**
 * Buffers lie outside V8's heap, but V8 counts them as its growth: the buffers of one large body made it
 * collect the whole heap of a server once or twice, 50 ms of a processor each time. Most of them are garbage
 * soon, and what refers to them is young: to collect the young generation takes a millisecond or two, and
 * frees them as well. V8 does so when small objects fill it, of which a large body makes few.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

const COLLECTED_AFTER = 8 * 1024 * 1024

/**
 * Counts buffers that will soon be garbage; after some megabytes the young generation of this thread is
 * collected.
 */
export const countBufferGarbage = counter()

function counter(): (octets: number) => void {
  let made = 0
  let collect: ((what: { type: 'minor' }) => void) | undefined
  return (octets) => {
    made += octets
    if (made < COLLECTED_AFTER) return
    made = 0
    collect ??= collector()
    collect({ type: 'minor' })
  }
}

/**
 * V8 gives its collector to contexts that are made while this option is set; for as long as it is, Node
 * refuses compiled code that it contains.
 */
function collector(): (what: { type: 'minor' }) => void {
  setFlagsFromString('--expose-gc')
  try {
    return runInNewContext('gc') as ReturnType<typeof collector>
  } finally {
    setFlagsFromString('--no-expose-gc')
  }
}
