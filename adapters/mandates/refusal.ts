/**
 * Why the register does not do what it was asked, as people and programs are told: problem details in the
 * languages of the interface.
 */
import { randomUUID } from 'node:crypto'
import type { Problem, Translation } from '#schemas/mandates.ts'

const KINDS = {
  inputWrong: {
    status: 400,
    title: 'The request does not fit the description of the service',
    et: 'Päring ei vasta teenuse kirjeldusele',
    ru: 'Запрос не соответствует описанию сервиса',
  },
  identifierWrong: {
    status: 400,
    title: 'This is the identifier of nobody, or of another kind of person',
    et: 'See ei ole kellegi isiku- ega registrikood või on teist liiki isiku oma',
    ru: 'Такого идентификатора нет, или он принадлежит лицу другого вида',
  },
  roleMissing: {
    status: 400,
    title: 'ns or role has to be given',
    et: 'Anda tuleb ns või role',
    ru: 'Нужно указать ns или role',
  },
  notAllowed: {
    status: 403,
    title: 'Nothing that the user holds allows this',
    et: 'Kasutajal ei ole selleks õigust',
    ru: 'У пользователя нет на это права',
  },
  signatureMissing: {
    status: 422,
    title: 'This has to be signed, and a client whose word on signatures is taken has to say so',
    et: 'See tuleb digitaalselt allkirjastada',
    ru: 'Это действие нужно подписать электронной подписью',
  },
  roleUnknown: {
    status: 422,
    title: 'There is no such role',
    et: 'Sellist rolli ei ole',
    ru: 'Такой роли нет',
  },
  personUnfit: {
    status: 422,
    title: 'This role is not for such a person, or both are the same person',
    et: 'See roll ei ole mõeldud sellisele isikule või on mõlemad sama isik',
    ru: 'Эта роль не предназначена для такого лица, или оба лица совпадают',
  },
  nameMissing: {
    status: 422,
    title: 'The register does not know this person: a name has to be given',
    et: 'Register ei tunne seda isikut: nimi tuleb anda',
    ru: 'Реестр не знает этого лица: нужно указать имя',
  },
  notSubDelegable: {
    status: 422,
    title: 'This mandate cannot be passed on',
    et: 'Seda volitust ei saa edasi volitada',
    ru: 'Это полномочие нельзя передать дальше',
  },
  periodWrong: {
    status: 422,
    title: 'The period is over, ends before it begins, or is longer than allowed',
    et: 'Kehtivusaeg on möödas, lõpeb enne algust või on lubatust pikem',
    ru: 'Срок истёк, кончается раньше, чем начинается, или длиннее разрешённого',
  },
  mandateExists: {
    status: 422,
    title: 'There is such a mandate already',
    et: 'Selline volitus on juba olemas',
    ru: 'Такое полномочие уже есть',
  },
  tooMany: {
    status: 422,
    title:
      'There are more mandates than one answer or one person may have: ask for one namespace or one delegate',
    et: 'Volitusi on rohkem, kui ühes vastuses või ühel isikul võib olla',
    ru: 'Полномочий больше, чем может быть в одном ответе или у одного лица',
  },
  mandateMissing: {
    status: 422,
    title: 'There is no such mandate, or it has ended',
    et: 'Sellist volitust ei ole või on see lõppenud',
    ru: 'Такого полномочия нет, или оно закончилось',
  },
  actionUnknown: {
    status: 501,
    title: 'A mandate can be ended, and nothing else is done with it',
    et: 'Volitust saab ainult lõpetada',
    ru: 'Полномочие можно только прекратить',
  },
  failed: {
    status: 500,
    title: 'The register failed: ask again later, and tell who runs it the instance',
    et: 'Registris tekkis viga: proovi hiljem uuesti',
    ru: 'В реестре произошла ошибка: повторите запрос позже',
  },
} as const

type RefusalKind = keyof typeof KINDS

/** Thrown by whoever checks; only the edge makes an answer of it. */
export class Refusal extends Error {
  readonly kind: RefusalKind
  readonly status: number
  readonly detail = randomUUID()

  constructor(kind: RefusalKind, status: number = KINDS[kind].status, cause?: unknown) {
    super(KINDS[kind].title, cause === undefined ? undefined : { cause })
    this.kind = kind
    this.status = status
  }
}

export function refuse(kind: RefusalKind, status?: number): Refusal {
  return new Refusal(kind, status)
}

/** The answer: a list, as the interface has it. */
export function problemsOf({ kind, detail }: Refusal): Problem[] {
  const { title, et, ru } = KINDS[kind]
  const translation: Translation = { et, en: title, ru }
  return [{ type: `urn:concordat:mandates:${kind}`, title, translation, instance: `urn:uuid:${detail}` }]
}
