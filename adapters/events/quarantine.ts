/**
 * Where messages go that are no events. Guarantees that one is there, durable and with its reason, before
 * `setAside` ends, and that the same message is there once.
 */
import { createHash } from 'node:crypto'
import { mkdir, open, readdir, rename } from 'node:fs/promises'
import path from 'node:path'
import { asFault, Fault } from '#schemas/fault.ts'
import type { Broker, Taken } from './broker.ts'
import type { SendSettings } from './settings.ts'

type Quarantine = {
  /** Throws when there is no place now: `source_unavailable`, `source_busy`. */
  setAside(message: Taken, why: Fault): Promise<void>
}

const DIGITS = 32
const ENDING = '.json'

export function openQuarantine(way: Pick<SendSettings, 'name' | 'quarantine'>, broker: Broker): Quarantine {
  const { folder, to, files } = way.quarantine
  return folder === undefined ? atBroker(way.name, to!, broker) : inFolder(way.name, folder, files)
}

/**
 * By its place at the broker, or where that has none, by all that it is: repetitions come under the same
 * name.
 */
function nameOf(way: string, { position, subject, properties, body }: Taken): string {
  const hash = createHash('sha256').update(JSON.stringify([way, position ?? '', subject]))
  if (position === undefined) hash.update(JSON.stringify([...properties])).update(body)
  return hash.digest('hex').slice(0, DIGITS)
}

/** The reason as operators and tools read it. */
function factsOf(way: string, message: Taken, why: Fault) {
  const { subject, position } = message
  return { way, subject, position, code: why.code, reason: why.message }
}

function inFolder(way: string, folder: string, most: number): Quarantine {
  let count: number | undefined
  const isThere = async (name: string): Promise<boolean> => {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const names = await readdir(folder)
    count = names.filter((one) => one.endsWith(ENDING)).length
    return names.includes(name + ENDING)
  }
  return {
    async setAside(message, why) {
      const name = nameOf(way, message)
      try {
        if (await isThere(name)) return
        if (count! >= most)
          throw new Fault('source_busy', { what: `the quarantine holds ${most} messages: empty ${folder}` })
        const facts = { ...factsOf(way, message, why), headers: Object.fromEntries(message.properties) }
        await writeDurably(path.join(folder, `${name}.body`), message.body)
        // What has its reason beside it is complete.
        await writeDurably(path.join(folder, name + ENDING), `${JSON.stringify(facts, null, 1)}\n`)
      } catch (thrown) {
        if (thrown instanceof Fault) throw thrown
        throw new Fault('source_unavailable', { what: `${folder} cannot be written`, cause: thrown })
      }
    },
  }
}

async function writeDurably(file: string, content: Buffer | string): Promise<void> {
  const handle = await open(`${file}.part`, 'w', 0o600)
  try {
    await handle.writeFile(content)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(`${file}.part`, file)
  const folder = await open(path.dirname(file), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

function atBroker(way: string, to: string, broker: Broker): Quarantine {
  return {
    async setAside(message, why) {
      const { code, reason, ...facts } = factsOf(way, message, why)
      const reasons: [string, string][] = [
        ['Concordat-Way', way],
        ['Concordat-Subject', facts.subject],
        ['Concordat-Position', facts.position ?? ''],
        ['Concordat-Code', code],
        ['Concordat-Reason', reason.replace(/[^\x20-\x7e]/g, '?')],
      ]
      const whole = {
        ...{ to, headers: [], properties: [...reasons, ...message.properties], body: message.body },
        ...{ id: nameOf(way, message), key: undefined },
      }
      try {
        await broker.publish(whole)
      } catch (thrown) {
        // With its reason it can be larger than the broker takes: then the reason alone, and where the
        // message stood.
        if (asFault(thrown).code !== 'source_refused') throw thrown
        const properties: [string, string][] = [...reasons, ['Concordat-Body', 'left out']]
        await broker.publish({ ...whole, properties, body: Buffer.alloc(0) })
      }
    },
  }
}
