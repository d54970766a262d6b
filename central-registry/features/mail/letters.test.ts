/**
 * Letters word for word: each language has every text, with its plural forms; days, times, kinds and states
 * are in its words.
 */
import t from 'tap'
import { CONTRACT_STATES } from '#schemas/contract.ts'
import { SUSPENDED_KINDS } from '#schemas/global-configuration.ts'
import { REQUEST_KINDS } from '#schemas/management-request.ts'
import { haveSameTexts } from '#test/same-texts.ts'
import { hasText, MAIL_LANGUAGES, type MailLanguage, render } from './rules.ts'
import en from './texts/en.json' with { type: 'json' }
import es from './texts/es.json' with { type: 'json' }
import et from './texts/et.json' with { type: 'json' }
import fi from './texts/fi.json' with { type: 'json' }
import uk from './texts/uk.json' with { type: 'json' }

const AT = '2026-12-02T14:30:00.000Z'
const CONTRACT = { contract: 'C-1', version: '2', title: 'T', validUntil: AT, instance: 'DEV' }

void t.test('each language has every text and every plural form', (t) => {
  haveSameTexts(t, en, { es, et, fi, uk })
  t.end()
})

/** What is said of 1, 2, 5 and 21 days. */
const SUBJECTS: Record<MailLanguage, string[]> = {
  en: [
    'Service contract ends in 1 day or less: T',
    'Service contract ends in 2 days or less: T',
    'Service contract ends in 5 days or less: T',
    'Service contract ends in 21 days or less: T',
  ],
  es: [
    'El contrato de servicio termina en 1 día o menos: T',
    'El contrato de servicio termina en 2 días o menos: T',
    'El contrato de servicio termina en 5 días o menos: T',
    'El contrato de servicio termina en 21 días o menos: T',
  ],
  et: [
    'Teenuseleping lõpeb hiljemalt 1 päeva pärast: T',
    'Teenuseleping lõpeb hiljemalt 2 päeva pärast: T',
    'Teenuseleping lõpeb hiljemalt 5 päeva pärast: T',
    'Teenuseleping lõpeb hiljemalt 21 päeva pärast: T',
  ],
  fi: [
    'Palvelusopimus päättyy viimeistään 1 päivän kuluttua: T',
    'Palvelusopimus päättyy viimeistään 2 päivän kuluttua: T',
    'Palvelusopimus päättyy viimeistään 5 päivän kuluttua: T',
    'Palvelusopimus päättyy viimeistään 21 päivän kuluttua: T',
  ],
  uk: [
    'Договір про сервіс закінчується щонайпізніше за 1 день: T',
    'Договір про сервіс закінчується щонайпізніше за 2 дні: T',
    'Договір про сервіс закінчується щонайпізніше за 5 днів: T',
    'Договір про сервіс закінчується щонайпізніше за 21 день: T',
  ],
}

void t.test('days are counted by the plural of the language', (t) => {
  for (const language of MAIL_LANGUAGES)
    t.strictSame(
      ['1', '2', '5', '21'].map(
        (days) => render('contract.ends', { ...CONTRACT, days, event: 'ends' }, language).subject,
      ),
      SUBJECTS[language],
    )
  t.end()
})

/** The first paragraph of a request, a contract that ended, one that ends, a suspension, a certificate. */
const PARAGRAPHS: Record<MailLanguage, [string, string, string, string, string]> = {
  en: [
    'The request 7 (registration of an authentication certificate) about the security server DEV:GOV:1:SS1 was declined on 2 December 2026 at 14:30 UTC.',
    'Version 2 of the service contract C-1 (T) is now superseded. Your security server shows the reason.',
    'Version 2 of the service contract C-1 (T) is in force, until 2 December 2026 at 14:30 UTC.',
    'The security server DEV:GOV:1:SS1 was suspended on 2 December 2026 at 14:30 UTC: within a minute nobody exchanges messages with it.',
    'The API key nightly ends on 2 December 2026 at 14:30 UTC. Programs that use it are refused from then on.',
  ],
  es: [
    'La solicitud 7 (inscripción de un certificado de autenticación) sobre el servidor de seguridad DEV:GOV:1:SS1 fue rechazada el 2 de diciembre de 2026 a las 14:30 UTC.',
    'En su versión 2, el contrato de servicio C-1 (T) está ahora sustituido. Su servidor de seguridad muestra el motivo.',
    'La versión 2 del contrato de servicio C-1 (T) está en vigor hasta el 2 de diciembre de 2026 a las 14:30 UTC.',
    'Servidor de seguridad DEV:GOV:1:SS1: suspensión desde el 2 de diciembre de 2026 a las 14:30 UTC. En un minuto nadie intercambia ya mensajes con esta parte.',
    'La clave de API nightly termina el 2 de diciembre de 2026 a las 14:30 UTC. Los programas que la usan son rechazados desde entonces.',
  ],
  et: [
    'Taotlus 7 (autentimissertifikaadi registreerimine) turvaserveri DEV:GOV:1:SS1 kohta lükati tagasi (2. detsember 2026, kell 14:30 UTC).',
    'Teenuselepingu C-1 (T) versiooni 2 uus olek on „asendatud”. Põhjust näitab teie turvaserver.',
    'Teenuselepingu C-1 (T) versioon 2 on jõus. Selle lõpuaeg on 2. detsember 2026, kell 14:30 UTC.',
    'Turvaserver DEV:GOV:1:SS1 peatati (2. detsember 2026, kell 14:30 UTC): minuti jooksul ei vaheta keegi sellega enam sõnumeid.',
    'API-võtme nightly lõpuaeg on 2. detsember 2026, kell 14:30 UTC. Programmidele, mis seda kasutavad, keeldutakse sellest alates vastamast.',
  ],
  fi: [
    'Liityntäpalvelinta DEV:GOV:1:SS1 koskeva pyyntö 7 (todennusvarmenteen rekisteröinti) hylättiin 2. joulukuuta 2026 klo 14.30 UTC.',
    'Palvelusopimuksen C-1 (T) version 2 uusi tila on ”korvattu”. Liityntäpalvelimesi näyttää syyn.',
    'Palvelusopimuksen C-1 (T) versio 2 on voimassa ja päättyy 2. joulukuuta 2026 klo 14.30 UTC.',
    'Liityntäpalvelin DEV:GOV:1:SS1 keskeytettiin 2. joulukuuta 2026 klo 14.30 UTC: minuutin kuluessa kukaan ei vaihda sen kanssa viestejä.',
    'API-avain nightly päättyy 2. joulukuuta 2026 klo 14.30 UTC. Sitä käyttävät ohjelmat hylätään siitä lähtien.',
  ],
  uk: [
    'Заявку 7 (реєстрація сертифіката автентифікації) щодо сервера безпеки DEV:GOV:1:SS1 відхилено 2 грудня 2026 р. о 14:30 UTC.',
    'Новий стан версії 2 договору про сервіс C-1 (T) — «замінено новішою версією». Причину показує ваш сервер безпеки.',
    'Версія 2 договору про сервіс C-1 (T) чинна й закінчується 2 грудня 2026 р. о 14:30 UTC.',
    'Сервер безпеки DEV:GOV:1:SS1: призупинено 2 грудня 2026 р. о 14:30 UTC. Упродовж хвилини ніхто вже не обмінюється з цією стороною повідомленнями.',
    'Ключ API nightly закінчується 2 грудня 2026 р. о 14:30 UTC. Програмам, що його використовують, відтоді відмовляють.',
  ],
}

void t.test('times are written out in UTC, kinds and states in words', (t) => {
  const request = { request: '7', kind: 'authCertReg', server: 'DEV:GOV:1:SS1', at: AT, reason: 'No.' }
  const suspension = { kind: 'server', subject: 'DEV:GOV:1:SS1', reason: 'Stolen.', at: AT }
  for (const language of MAIL_LANGUAGES) {
    const said = (
      [
        ['request.DECLINED', request],
        ['contract.other', { ...CONTRACT, days: '', event: 'superseded' }],
        ['contract.ACTIVE', { ...CONTRACT, days: '', event: 'active' }],
        ['suspension.suspended', suspension],
        ['deadline.API_KEY', { name: 'nightly', of: '', ends: AT }],
      ] as const
    ).map(([text, fields]) => render(text, fields, language).text.split('\n')[0])
    t.strictSame(said, PARAGRAPHS[language])
    const letter = { member: 'DEV:GOV:1', contract: 'C-1', code: '12', until: AT }
    t.notMatch(render('contact.confirm', letter, language).text, AT, language)
  }
  t.end()
})

void t.test('each kind and each state has its words', (t) => {
  // The parties of a suspended contract are told of it as of its other events.
  const suspended = SUSPENDED_KINDS.filter((kind) => kind !== 'contract')
  const states = CONTRACT_STATES.filter((state) => !hasText(`contract.${state}`))
  const keys = [
    ...REQUEST_KINDS.map((kind) => `request.kind.${kind}`),
    ...suspended.map((kind) => `suspension.kind.${kind}`),
    ...states.map((state) => `contract.state.${state.toLowerCase()}`),
  ]
  t.strictSame(
    Object.keys(en)
      .filter((key) => /\.(?:kind|state)\./.test(key))
      .toSorted(),
    keys.toSorted(),
  )
  t.end()
})

void t.test('a letter that was written before, and still waits, is sent as it is', (t) => {
  const { subject } = render('deadline.API_KEY', { name: 'n', ends: '2026-12-24 12:00 UTC' }, 'en')
  t.equal(subject, 'Ends on 2026-12-24 12:00 UTC: the API key n')
  t.match(render('suspension.lifted', { kind: 'planet', subject: 'X' }, 'en').text, /the planet X/)
  t.end()
})
