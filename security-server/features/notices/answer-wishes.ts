/**
 * What a person asks a tracker about their notices. No answer depends on whether anything is known of the
 * person, nor on who else has an address: it is never looked for here.
 */
import { randomInt } from 'node:crypto'
import type { Within } from '#platform/database/open-database.ts'
import { colonForm } from '#schemas/colon-identifiers.ts'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import { type AskedNotice, NOTICE_SUBJECTS, type Notice, type Notices } from '#schemas/notices.ts'
import type { Channel } from './channels.ts'
import { isSame, type NoticeKey, personDigest } from './notice-key.ts'
import type { NoticeRooms } from './rooms.ts'
import { codeIn, readText, readWish } from './rules.ts'
import type { StoppedAddress, Wish } from './wishes-store.ts'

type Asker = { subsystem: string; type: string; identifier: string }

const STATES = { ASKED: 'asked', CONFIRMED: 'confirmed', FAILED: 'failed' } as const
const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

export function noticePaths(rooms: NoticeRooms) {
  const { channels, wishes, clock } = rooms
  const titled = channels.flatMap(({ name, titles }) =>
    titles === undefined ? [] : [[name, titles] as const],
  )

  const channelOf = (name: string): Channel => {
    const channel = channels.find((one) => one.name === name)
    if (channel !== undefined) return channel
    const known = channels.map((one) => one.name).join(', ')
    throw new Fault('invalid_request', { what: `channel is one of ${known}` })
  }
  const countedUnder = (key: NoticeKey, name: string, address: string): string => {
    const counted = channels.find((one) => one.name === name)?.counted(address) ?? address
    return `address ${key.digest('count', `${name} ${counted}`)}`
  }
  const view = (wish: Wish, key: NoticeKey): Notice => {
    const { id, channel, mode, language, state } = wish
    const about = NOTICE_SUBJECTS.filter((one) => wish.about.split(' ').includes(one))
    const there = channels.find(({ name }) => name === channel)
    return {
      ...{ id, channel, mode, language, about, state: STATES[state], askedAt: wish.asked_at },
      address: there?.masked(key.open(`address ${wish.addressId}`, wish.sealed)) ?? '…',
      ...(wish.confirmed_at !== null && { confirmedAt: wish.confirmed_at }),
    }
  }
  const list = async (asker: Asker): Promise<Notices> => {
    const key = rooms.key()
    const found = await wishes.wishesOf(personDigest(key, asker), asker.subsystem)
    return {
      ...{ subsystem: colonForm(asker.subsystem), server: colonForm(idText(rooms.server)) },
      ...{ channels: channels.map(({ name }) => name), notices: found.map((wish) => view(wish, key)) },
      ...(titled.length > 0 && { titles: Object.fromEntries(titled) }),
    }
  }

  return {
    list,

    /** Throws `invalid_request`, `too_many_requests`. */
    ask: async (asker: Asker, body: unknown): Promise<AskedNotice> => {
      const { address: given, about, ...asked } = readWish(body)
      const channel = channelOf(asked.channel)
      const address = channel.addressIn(given)
      if (address === undefined)
        throw new Fault('invalid_request', { what: `address is no address of the channel ${channel.name}` })
      const key = rooms.key()
      const person = personDigest(key, asker)
      const code = String(randomInt(100_000_000)).padStart(8, '0')
      const wish = await wishes.ask({
        ...{ ...asked, about: about.join(' '), person, subsystem: asker.subsystem, now: clock() },
        digest: key.digest('address', `${channel.name} ${address}`),
        counted: { address: countedUnder(key, channel.name, address), person: `codes ${person}` },
        seal: {
          person: key.seal(
            `person ${person}`,
            JSON.stringify({ type: asker.type, identifier: asker.identifier }),
          ),
          address: (id) => key.seal(`address ${id}`, address),
          code: (letter) => key.seal(`letter ${letter}`, code),
        },
        codeDigest: key.digest('code', `${person} ${code}`),
      })
      return {
        notice: view(wish, key),
        ...(channel.hasSecret && { secret: `whsec_${key.webhookSecret(wish.addressId)}` }),
      }
    },

    /** Throws `invalid_request` for a wrong or ended code, without saying which. */
    confirm: async (asker: Asker, body: unknown): Promise<Notices> => {
      const key = rooms.key()
      const code = codeIn(readText(body, 'code'))
      const wish = readText(body, 'id')
      const person = personDigest(key, asker)
      const given = key.digest('code', `${person} ${code ?? ''}`)
      const isConfirmed = await wishes.confirm({
        ...{ wish, person, subsystem: asker.subsystem, now: clock() },
        isCode: (digest) => isSame(digest, given),
      })
      if (!isConfirmed)
        throw new Fault('invalid_request', {
          what: 'this is not the code, or it has ended, or it was tried too often: ask once more for messages, and another one comes',
        })
      return list(asker)
    },

    end: async (asker: Asker, id: string | undefined): Promise<{ ended: number }> => {
      if (id !== undefined && !ID.test(id)) throw new Fault('invalid_request', { what: 'id is no id' })
      const person = personDigest(rooms.key(), asker)
      return { ended: await wishes.end({ person, subsystem: asker.subsystem, id }) }
    },

    /** `subject`: the person of a complaint, as an entry of the index. Nobody else is told. */
    answeredComplaint: async (
      { subsystem, subject }: { subsystem: string; subject: string },
      within: Within,
    ): Promise<void> => {
      // Nothing is told by a subsystem that answers no questions.
      if (!rooms.tracker.isOn(subsystem)) return
      const { perDay } = rooms.settings
      await rooms.letters.tellOfComplaint({ subsystem, entry: subject, perDay, now: clock() }, within)
    },

    /** A token that was used stays good: whoever follows the link twice reads the same. */
    stop: async (subsystem: string, body: unknown): Promise<{ stopped: true }> => {
      const key = rooms.key()
      const wish = key.wishOf(readText(body, 'token'), subsystem)
      if (wish === undefined) throw new Fault('invalid_request', { what: 'token was not made here' })
      // As it was counted when it was asked for: the channel may be out of the settings now, and back in them
      // later.
      const blocked = ({ id, channel, sealed, counted }: StoppedAddress): string =>
        `${counted ?? countedUnder(key, channel, key.open(`address ${id}`, sealed))} blocked`
      await wishes.stop(wish, blocked, clock())
      return { stopped: true }
    },
  }
}
