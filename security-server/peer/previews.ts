/**
 * What the provider's half asks of previews: answers that the person sees first. The list of features passes
 * the implementation in.
 */
import type { Subject } from '#core/subject/read-subjects.ts'
import { Fault, type FaultCode } from '#schemas/fault.ts'
import type { PreviewTerms } from '../global-configuration/contracts/index-contracts.ts'

export type PreviewQuestion = {
  /** The one person whom the call is about. */
  person: Subject
  /** Identifiers in text form. */
  client: string
  service: string
  /** "<id>/<version>", or the id alone. */
  contract: string
  terms: PreviewTerms
  /** SHA-256 of all that makes two calls the same, hex. */
  call: string
  /** The number of the consent under which the call goes. */
  consent?: string
  ids: { id: string; requestId: string }
}

/** What the system answered: all that would leave. */
export type PreviewAnswer = {
  status: number
  contentType: string | undefined
  bytes: Buffer
  /** SHA-256 over the three, hex. */
  digest: string
}

export type TakenPreview = {
  number: string
  /** SHA-256 of its document, hex. */
  digest: string
  releasedAt: string
  /** Whether this is the answer that the person released. Throws `preview_unknown`. */
  isReleased(answer: Pick<PreviewAnswer, 'digest'>): Promise<boolean>
  /**
   * The last thing before the answer is signed. Throws `preview_stopped` when the person has stopped it
   * meanwhile.
   */
  give(): Promise<void>
  /** For a call whose answer does not leave after all. */
  giveBack(): Promise<void>
}

export type Previews = {
  /**
   * Throws `preview_waiting` while the person has not decided, and `preview_elsewhere` where another server
   * keeps the answer; of what else may become of the reference, `take` judges. Changes nothing.
   */
  checkDecided(q: PreviewQuestion, reference: string): Promise<void>
  /**
   * The preview that the reference names, for this call alone. Throws `preview_waiting`, `preview_stopped`,
   * `preview_void`, `preview_elsewhere`, and `preview_unknown` while nobody can say.
   */
  take(q: PreviewQuestion, reference: string): Promise<TakenPreview>
  /**
   * Before the system is asked. Throws `too_many_requests` when no more answers can wait, and
   * `preview_unknown` where nobody could see one.
   */
  checkRoom(q: Pick<PreviewQuestion, 'person' | 'client'>): Promise<void>
  /**
   * Keeps the answer for the person. Resolves to the fault that says where they see it. Throws as
   * `checkRoom`.
   */
  hold(q: PreviewQuestion, answer: PreviewAnswer): Promise<PreviewFault>
  /** Octets of an answer that a person can be shown. */
  readonly mostBytes: number
}

/** What the record of a refusal says of its preview. */
type PreviewOnRecord = { preview: string; previewAt?: string }

/** A fault about one preview. Nothing of the answer has left, or will. */
export class PreviewFault extends Fault {
  readonly preview: PreviewOnRecord

  constructor(
    code: Extract<FaultCode, 'preview_required' | 'preview_waiting' | 'preview_stopped'>,
    facts: { what: string; retryAfter?: number },
    preview: PreviewOnRecord,
  ) {
    super(code, facts)
    this.preview = preview
  }
}
