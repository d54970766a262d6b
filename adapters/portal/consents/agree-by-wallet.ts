/**
 * A person agrees with their wallet: it is asked for their code and what the contract demands, bound to
 * exactly what stood before them. Guarantees that what is sent was answered for this session, in time, by the
 * wallet of the person who is signed in, and that it is sent for the one for whom it was begun. The system
 * that asks verifies it again.
 */
import { type Agreement, transactionOf } from '#core/consent/agreement.ts'
import { CODE } from '#core/consent/ask-attested.ts'
import type { ConsentGiven } from '#schemas/consents.ts'
import type { Session } from '../login/sessions.ts'
import { codeReader } from '../login/sign-in.ts'
import { csrfField } from '../pages/form.ts'
import { type Said, saidAt, waitPage } from '../pages/wallet.ts'
import type { Answer, Rooms, Visit } from '../routing/section.ts'
import { WALLET_WAIT } from './addresses.ts'
import type { WalletAsking } from './ask-wallet.ts'
import type { AnswerContext, Offered } from './consent.ts'
import { plainPage } from './problem.ts'
import { sendAgreement } from './send-agreement.ts'

type Begun = Omit<ConsentGiven, 'proof'> & { validUntil: string }
type Wallet = NonNullable<Rooms['wallet']>
type Finished = ReturnType<Wallet['finish']>

/** What is under way for a session: the last that was begun, and nothing after it ended. */
type UnderWay = {
  offered: Offered
  context: AnswerContext
  given: Begun
  askedAt: string
  id: string
  browser: string
  /** For whom the person acted when it was begun: what the wallet signs does not say that. */
  about: string | undefined
}

const MOST_TYPED = 64
/** By what ends with the session: a request has a copy of it. */
const underWay = new WeakMap<Session['ended'], UnderWay>()
/** Those whose end is listened for: once, however often a person begins anew. */
const watched = new WeakSet<Session['ended']>()

/** `flow`: where the wallet is. */
export function beginAgreement(
  { reader: { session } }: Pick<Visit, 'reader'>,
  { settings, clock }: Pick<Rooms, 'settings' | 'clock'>,
  q: {
    asking: WalletAsking
    flow: 'same-device' | 'cross-device'
    offered: Offered
    context: AnswerContext
    given: Begun
  },
): Answer {
  const { asking, flow, offered, context, given } = q
  const { client, demand } = offered
  const askedAt = new Date(clock()).toISOString()
  const { contract, services, digest, rule } = demand
  const agreement: Agreement = {
    ...{
      provider: context.keeper.system.id,
      portal: settings.securityServer.client,
      client: client.id,
      askedAt,
    },
    ...{ contract: { id: contract.id, version: contract.version }, demand: digest },
    ...{ services: services.map(({ serviceCode }) => serviceCode), kind: given.kind },
    ...{ validUntil: given.validUntil, shown: given.shown },
    ...(rule.attributes && { attributes: rule.attributes }),
  }
  const { wallet, question } = asking
  const earlier = underWay.get(session.ended)
  if (earlier !== undefined) wallet.giveUp(earlier)
  const transaction = transactionOf(agreement, demand)
  const { id, browser } = wallet.begin({ flow, by: session.person.code, transaction, question })
  underWay.set(session.ended, { offered, context, given, askedAt, id, browser, about: session.acting?.code })
  forgetWith(session.ended, wallet)
  return { to: WALLET_WAIT }
}

/** The attempt has the person's code, and lasts for minutes: it goes when they sign out. */
function forgetWith(end: Session['ended'], wallet: Pick<Wallet, 'giveUp'>): void {
  const forget = (): void => {
    const held = underWay.get(end)
    underWay.delete(end)
    if (held !== undefined) wallet.giveUp(held)
  }
  if (end.aborted) forget()
  else if (!watched.has(end)) end.addEventListener('abort', forget, { once: true })
  watched.add(end)
}

export async function showWaiting(visit: Visit, rooms: Rooms): Promise<Answer> {
  return sayHowFar(visit, rooms, saidAt(visit.query))
}

/** The wallet of this device sends the person here. */
export async function comeBack(visit: Visit, rooms: Rooms): Promise<Answer> {
  const responseCode = visit.query.get('response_code') ?? ''
  return end(visit, rooms, (wallet, held) => wallet.finish({ ...held, responseCode }))
}

/** The number that another device shows. */
export async function takeNumber(visit: Visit, rooms: Rooms): Promise<Answer> {
  const number = (visit.form.get('number') ?? '').slice(0, MOST_TYPED)
  return end(visit, rooms, (wallet, held) => wallet.confirm({ ...held, number }))
}

async function end(
  visit: Visit,
  rooms: Rooms,
  finish: (wallet: Wallet, held: { id: string; browser: string }) => Finished,
): Promise<Answer> {
  const { session } = visit.reader
  const held = underWayFor(session)
  if (held === undefined || rooms.wallet === undefined) return ended(visit, rooms)
  const { offered, context, given, askedAt, id, browser } = held
  const finished = finish(rooms.wallet, { id, browser })
  if ('refused' in finished) {
    const { refused } = finished
    if (refused === 'not_answered') return sayHowFar(visit, rooms, 'notYet')
    return sayHowFar(visit, rooms, refused === 'number_wrong' ? 'wrongNumber' : undefined)
  }
  underWay.delete(session.ended)
  const { attributes, record } = finished.outcome
  const claim = attributes[CODE]
  const code = codeReader(rooms.settings.person.pattern)(typeof claim === 'string' ? claim : undefined)
  if (code !== session.person.code)
    return plainPage(rooms, visit.reader, { of: 'agree.other', status: 403, href: context.href })
  // Who agrees leaves a record.
  const presentation = JSON.parse(record!) as object
  const proof = { askedAt, presentation }
  return sendAgreement(visit, rooms, { offered, context, given: { ...given, proof } })
}

function sayHowFar(visit: Pick<Visit, 'reader'>, rooms: Rooms, said?: Said): Answer {
  const { reader } = visit
  const held = underWayFor(reader.session)
  const looked = held && rooms.wallet?.look(held.id, held.browser)
  if (held === undefined || looked === undefined || looked.state === 'ended') return ended(visit, rooms)
  const place = { of: 'agree' as const, wait: WALLET_WAIT, again: held.context.href }
  const csrf = csrfField(reader.session)
  return { page: waitPage(rooms.place, reader, { ...looked, said, at: { ...place, csrf } }) }
}

/**
 * Another tab may have chosen somebody else meanwhile: to what was shown for one nobody agrees for another.
 */
function underWayFor({ ended, acting }: Session): UnderWay | undefined {
  const held = underWay.get(ended)
  return held?.about === acting?.code ? held : undefined
}

/**
 * Over, answered before, or begun in another session or for another person. It is given up, as the page says.
 */
function ended({ reader }: Pick<Visit, 'reader'>, rooms: Rooms): Answer {
  const held = underWay.get(reader.session.ended)
  underWay.delete(reader.session.ended)
  if (held !== undefined) rooms.wallet?.giveUp(held)
  const href = held === undefined ? {} : { href: held.context.href }
  return plainPage(rooms, reader, { of: 'agree.ended', status: 403, ...href })
}
