/**
 * Asks the registry's catalogue. The server's owner signs the question; the answer is accepted only if the
 * registry signed it, it answers this question, and it is within its bounds.
 */
import { randomUUID } from 'node:crypto'
import type { Read } from '#core/contract/fields.ts'
import { CATALOGUE_DOCUMENT, type CatalogueList, type CatalogueService } from '#schemas/catalogue.ts'
import { Fault } from '#schemas/fault.ts'
import { idText, memberOf } from '#schemas/identifiers.ts'
import { say } from '#schemas/said.ts'
import { takesDocuments, verifyAnswer } from '../../global-configuration/registration/verify-answer.ts'
import type { Needs } from './needs.ts'
import { readList, readService } from './read-answer.ts'

const BASE = '/registration/v1/catalogue'
/** A whole page of the longest texts, in base64. */
const MAX_ANSWER_BYTES = 2 * 1024 * 1024

/**
 * Each throws `registration_unavailable` when the registry gives no answer, or one that cannot be read;
 * `registration_refused` with its reason; `invalid_global_conf_signature` for an answer that it did not sign
 * for this question.
 */
type AskCatalogue = {
  list(q: { q?: string; offset: number; limit: number }): Promise<CatalogueList>
  service(id: string): Promise<CatalogueService>
}

type Question = { path: string; type: string; fields: object }
type Form<T> = { type: string; read: Read<T> }

export function createAskCatalogue(rooms: Omit<Needs, 'contracts' | 'localSystems'>): AskCatalogue {
  const owner = memberOf(rooms.server)
  const server = idText(rooms.server)

  async function ask<T extends CatalogueList | CatalogueService>(
    question: Question,
    form: Form<T>,
  ): Promise<T> {
    const snapshot = rooms.globalConfiguration.current()
    if (!takesDocuments(snapshot))
      throw new Fault('registration_unavailable', {
        what: say`the registry of this instance gives security servers no catalogue`,
      })
    const id = randomUUID()
    const head = { id, createdAt: new Date(rooms.clock()).toISOString(), signer: idText(owner), server }
    const document = { ...head, ...question.fields }
    const signed = await rooms.keys.signJson({ document, type: question.type, member: owner })
    const bytes = await rooms.post(`${BASE}${question.path}`, signed, MAX_ANSWER_BYTES)
    const wanted = { ...form, what: 'answer of the catalogue', maxBytes: MAX_ANSWER_BYTES }
    const asked = { configuration: snapshot.index, server, question: id, now: rooms.clock() }
    return readable(() => verifyAnswer(bytes, wanted, asked))
  }

  const { query, list, serviceQuery, service } = CATALOGUE_DOCUMENT
  return {
    list: (fields) => ask({ path: '/lists', type: query, fields }, { type: list, read: readList }),
    service: (id) =>
      ask(
        { path: '/services', type: serviceQuery, fields: { service: id } },
        { type: service, read: readService },
      ),
  }
}

/** To who asks here, an answer that is none is the registry's fault, not one of their own document. */
function readable<T>(read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (!(cause instanceof Fault) || cause.code === 'invalid_global_conf_signature') throw cause
    throw new Fault('registration_unavailable', {
      what: say`its answer is not that of a catalogue`,
      cause,
    })
  }
}
