/**
 * A person agrees. Guarantees that they agree to exactly what their contract asks for now, within its bounds,
 * and that nobody agrees in the name of people to a call of their own.
 */
import { randomUUID } from 'node:crypto'
import { canonicalJson } from '#core/canonical/canonical-json.ts'
import type { Agreement } from '#core/consent/agreement.ts'
import { type ConsentDocument, consentDigest } from '#core/consent/document.ts'
import { slashForm } from '#schemas/colon-identifiers.ts'
import type { ConsentGiven } from '#schemas/consents.ts'
import { Fault } from '#schemas/fault.ts'
import { idText } from '#schemas/identifiers.ts'
import type { ConfirmedMandate } from '../../peer/inbox.ts'
import { type Demand, demandsOf } from './demands.ts'
import { refuseKeptElsewhere } from './keeper.ts'
import type { Sender } from './question.ts'
import { askedBy } from './requests.ts'
import type { ConsentRooms } from './rooms.ts'
import type { ConsentRow } from './tables.ts'
import { unproven, verifyProof } from './verify-proof.ts'
import { type ActingPerson, refused, userIn } from './who-acts.ts'

const DAY_MS = 86_400_000

/**
 * Throws `invalid_request`, `forbidden`, `not_found`, `conflict`, `consent_unproven`,
 * `representation_refused`.
 */
export async function giveConsent(
  given: ConsentGiven,
  { person, userId, mandate }: ActingPerson,
  sender: Sender,
  rooms: ConsentRooms,
): Promise<ConsentRow> {
  const { demand, client } = demandFor(given, sender, rooms)
  const { rule } = demand.view
  refuseKeptElsewhere({ subsystem: sender.subsystem, rule }, rooms, 'conflict')
  if (!rule.kinds.includes(given.kind))
    throw refused(`the contract asks for consents of the kind ${rule.kinds}`)
  const now = rooms.clock()
  const validUntil = endOf(given.validUntil, { now, maxDays: rule.maxDays, mandateUntil: mandate?.until })
  const name = await rooms.nameOf(person)
  const request =
    given.token === undefined ? undefined : await askedBy(given.token, name, sender.subsystem, rooms)
  if (request !== undefined && (request.contract !== given.contract || request.client !== client))
    throw refused('the request for consent is about another contract or client')
  const { contract } = demand.view
  const proven =
    rule.proof === 'wallet' ? proofOf(given, { demand, client, userId }, sender, rooms) : undefined
  if (proven === undefined && given.proof !== undefined)
    throw refused('the contract asks for no wallet: nothing that one presented is kept')
  // It would be theirs who act, not those of the person whom the calls are about.
  if (rule.attributes !== undefined && mandate !== undefined)
    throw new Fault('representation_refused', {
      what: "the contract demands attributes that the person's own wallet attests: nobody agrees for another",
    })
  const representative = mandate && (await representativeOf(userId, mandate, rooms))
  const number = randomUUID()
  const document: ConsentDocument = {
    ...{ version: 1, number, server: idText(rooms.server), person: name, client },
    contract: { id: contract.id, version: contract.version },
    ...{ demand: given.demand, kind: given.kind, givenAt: new Date(now).toISOString(), validUntil },
    ...{ shown: given.shown, proof: rule.proof, givenRecord: sender.record },
    ...(representative && { byRepresentative: true as const, representative }),
    ...(proven && {
      ...{ presentation: proven.digest, issuedBy: proven.issuedBy, codes: proven.codes },
      ...{ trustedIssuers: proven.judgedBy.digest, asked: proven.asked },
    }),
    ...(rule.attributes && proven && { attested: proven.attested }),
  }
  const agreed = {
    ...demand.view,
    clients: demand.view.clients.filter((_, at) => demand.clients[at] === client),
  }
  const row: ConsentRow = {
    ...{ number, subsystem: sender.subsystem, person: name, client },
    ...{ contract: contract.id, demand: given.demand, kind: given.kind },
    ...{ given_at: document.givenAt, valid_until: validUntil, digest: consentDigest(document) },
    ...{ document: canonicalJson(document), agreed: JSON.stringify(agreed) },
    presentation: proven === undefined ? null : await rooms.presentations.seal(number, proven.text),
    presented: proven?.mark ?? null,
    ...{ withdrawn_at: null, withdrawn_record: null, withdrawn_by: null, last_use: null },
    ...{ uses: 0, stretch: '', stretch_uses: 0 },
  }
  const outcome = await rooms.store
    .add(row, {
      ...{ record: sender.record, request: request?.request, by: representative?.person },
      judgedBy: proven?.judgedBy,
    })
    .catch((thrown: unknown) => {
      // Where the answer of the database is lost it may be stored all the same, and those before it ended.
      rooms.taking.changed()
      throw thrown
    })
  if (outcome === 'presented_before') throw unproven('it gave a consent before')
  if (outcome === 'not_open')
    throw new Fault('conflict', { what: 'the request for consent was answered before, or its time is over' })
  rooms.taking.changed(outcome.earlier)
  return row
}

/** What the wallet presented has to prove this very consent. */
function proofOf(
  given: ConsentGiven,
  { demand, client, userId }: { demand: Demand; client: string; userId: string },
  sender: Sender,
  rooms: ConsentRooms,
) {
  const { proof, validUntil, kind, shown } = given
  if (proof === undefined || validUntil === undefined)
    throw unproven(
      'the contract asks for the wallet of the person: its presentation and validUntil are wanted',
    )
  const { view } = demand
  const { id, version } = view.contract
  const asked = {
    ...{ provider: sender.subsystem, portal: sender.client, askedAt: proof.askedAt },
    services: view.services.map(({ serviceCode }) => serviceCode),
    ...(view.rule.attributes && { attributes: view.rule.attributes }),
  }
  const agreement: Agreement = {
    ...asked,
    ...{ client, contract: { id, version }, demand: view.demand, kind, validUntil, shown },
  }
  return { ...verifyProof(proof, { agreement, demand: view, userId }, rooms), asked }
}

function demandFor(
  given: ConsentGiven,
  sender: Sender,
  rooms: ConsentRooms,
): { demand: Demand; client: string } {
  const client = clientIn(given.client)
  // Whoever gets the data would speak for the person.
  if (memberIn(client) === memberIn(sender.client))
    throw new Fault('forbidden', { what: 'no member gives consents to itself' })
  const demand = demandsOf(sender.subsystem, rooms).find(({ view }) => view.contract.id === given.contract)
  if (demand === undefined || !demand.clients.includes(client))
    throw new Fault('not_found', { what: 'no contract in force asks for this consent to this client' })
  if (demand.view.demand !== given.demand)
    throw new Fault('conflict', { what: 'the contract asks for something else by now: show it anew' })
  return { demand, client }
}

/** Nobody agrees for another for longer than they may act for them. */
function endOf(
  wanted: string | undefined,
  { now, maxDays, mandateUntil }: { now: number; maxDays: number; mandateUntil: string | undefined },
): string {
  const allowed = now + maxDays * DAY_MS
  const most = mandateUntil === undefined ? allowed : Math.min(allowed, Date.parse(mandateUntil))
  const latest = new Date(most).toISOString()
  if (wanted === undefined) return latest
  const end = Date.parse(wanted)
  if (end <= now) throw refused('validUntil is over')
  if (end > allowed) throw refused(`the contract asks for consents of at most ${maxDays} days`)
  if (end > most) throw refused(`the mandate ends before, at ${latest}`)
  return wanted
}

/** Who acts, and by what: all that the log's record of the request says of the mandate, and when it ends. */
async function representativeOf(
  userId: string,
  { represented: _represented, ...mandate }: ConfirmedMandate,
  { nameOf, countryPrefix }: Pick<ConsentRooms, 'nameOf' | 'countryPrefix'>,
): Promise<NonNullable<ConsentDocument['representative']>> {
  return { person: await nameOf(userIn(userId, countryPrefix)), mandate }
}

function clientIn(colon: string): string {
  try {
    return slashForm(colon, 4, 4)
  } catch {
    throw refused('client is no subsystem in colon form')
  }
}

function memberIn(client: string): string {
  return client.split('/').slice(0, 3).join('/')
}
