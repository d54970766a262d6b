/**
 * `concordat life-events letters`: print files for people who have not answered, with their address from the
 * register that the rule names and a code that opens the offer at a counter. Guarantees that a code which the
 * database knows stands in a whole file, and that a person gets one letter.
 */
import { randomInt } from 'node:crypto'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { SecurityServer } from '#adapters/client/index.ts'
import { openOwnServer } from '#adapters/kit/messages/own-server.ts'
import { readSettings } from '#adapters/kit/serve-adapter.ts'
import { type Clock, systemClock } from '#platform/clock.ts'
import { requireLastingPlaces } from '#platform/nodes/lasting-places.ts'
import { printable } from '#platform/plain-text.ts'
import { asFault, Fault } from '#schemas/fault.ts'
import { lifeEvents } from './adapter.ts'
import { letterPage } from './letter-page.ts'
import { makeCall } from './make-call.ts'
import { readOfferKeys } from './offer-keys.ts'
import type { LifeEventsSettings, RuleSettings } from './settings.ts'
import { type KeptOffer, type OfferStore, openOfferStore } from './store.ts'
import { textAt } from './value-at.ts'

const USAGE = `Usage: concordat life-events letters --configuration file.yaml --output FOLDER

Writes a letter, HTML for print, for each person who has not answered an offer for the days that its rule names. It has the address that the
register gives by the rule's call, and a code that opens the offer at a counter. Run it once a day; a person gets one letter.
`
const DAY_MS = 86_400_000
const MOST = 1000
/** Without letters and digits that look like others; 60 bits. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const LENGTH = 12

type Environment = Record<string, string | undefined>
type Written = { written: number; failed: number }

/** Exit code 0 when each due letter was written, 1 when one was not, 2 for wrong usage or settings. */
export async function runLetters(q: {
  file: string
  folder: string | undefined
  environment: Environment
}): Promise<number> {
  if (q.file === '' || q.folder === undefined) {
    process.stderr.write(USAGE)
    return 2
  }
  try {
    const settings = await readSettings(lifeEvents, q.file, q.environment)
    requireLastingPlaces([settings.databaseFile, path.resolve(q.folder)], q.environment)
    const keys = await readOfferKeys(settings.keyFile)
    const store = await openOfferStore({
      ...{ file: settings.databaseFile, keys, keepDays: settings.keepDays, clock: systemClock },
    })
    const server = await openOwnServer(settings.securityServer)
    try {
      const { written, failed } = await writeLetters({
        settings,
        store,
        server,
        folder: q.folder,
        clock: systemClock,
      })
      const missed =
        failed === 0
          ? ''
          : ` ${failed} could not be written: the register gave no address. Run this again later.`
      process.stdout.write(`Letters written to ${printable(q.folder)}: ${written}.${missed}\n`)
      return failed === 0 ? 0 : 1
    } finally {
      server.close()
      await store.close()
    }
  } catch (thrown) {
    const fault = asFault(thrown)
    process.stderr.write(`concordat life-events: ${printable(fault.message)}\n`)
    return fault.code === 'invalid_configuration' ? 2 : 1
  }
}

type Rooms = {
  settings: Pick<LifeEventsSettings, 'rules' | 'answerMs'>
  store: Pick<OfferStore, 'unanswered' | 'setCode'>
  server: Pick<SecurityServer, 'service'>
  folder: string
  clock: Clock
}

/** Throws `io_error` when the folder cannot be written to. */
export async function writeLetters(rooms: Rooms): Promise<Written> {
  const { settings, store, folder, clock } = rooms
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const sum = { written: 0, failed: 0 }
  for (const rule of settings.rules) {
    if (rule.letter === undefined) continue
    const before = new Date(clock() - rule.letter.afterDays * DAY_MS).toISOString()
    for (const offer of await store.unanswered(rule.name, before, MOST)) {
      const address = await addressOf(rooms, rule, offer)
      if (address === undefined) {
        sum.failed += 1
        continue
      }
      if (await writeLetter(rooms, rule, offer, address)) sum.written += 1
    }
  }
  return sum
}

/** Undefined when the register does not give one. */
async function addressOf(
  { server, settings }: Rooms,
  { letter }: RuleSettings,
  { id, content }: KeptOffer,
): Promise<string[] | undefined> {
  if (content === undefined) return undefined
  const values = { ...content.values, person: content.person }
  const { document } = await makeCall(server, letter!.call, {
    ...{ values, userId: undefined, issue: id, answerMs: settings.answerMs },
  })
  const lines = letter!.lines.map(lineOf).filter((line) => line !== '')
  return lines.length === 0 ? undefined : lines

  function lineOf(pointers: string): string {
    return pointers
      .split(' ')
      .flatMap((pointer) => textAt(document, pointer) ?? [])
      .join(' ')
  }
}

/**
 * The file before the code counts: what ends in between leaves a file whose code opens nothing, and the next
 * run writes it anew.
 */
async function writeLetter(
  { store, folder, clock }: Rooms,
  rule: RuleSettings,
  offer: KeptOffer,
  address: string[],
): Promise<boolean> {
  const code = Array.from({ length: LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]!).join('')
  const file = path.join(folder, `letter-${offer.id}.html`)
  const page = letterPage(rule, {
    address,
    code: code.match(/.{4}/g)!.join('-'),
    offer,
    date: new Date(clock()),
  })
  return store.setCode(offer.id, code, async () => {
    try {
      await writeFile(`${file}.new`, page, { mode: 0o600, flush: true })
      await rename(`${file}.new`, file)
    } catch (cause) {
      throw new Fault('io_error', { what: 'a letter cannot be written', cause })
    }
  })
}
