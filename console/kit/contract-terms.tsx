/**
 * What both sides agreed on, in words: purpose and legal basis, services with their endpoints and fields,
 * duration and quotas.
 */
import { AttestedTerms } from './attested-terms.tsx'
import type { ConsentRule, Content, PartyView, Service, Span } from './contract.tsx'
import { Copyable } from './copyable.tsx'
import { Facts } from './facts.tsx'
import { NameOf } from './named.tsx'
import { number, type TextKey, text } from './text.ts'

type Props = { of: { content: Content; contentHash: string }; Party: PartyView }

export function Terms({ of: { content, contentHash }, Party }: Props) {
  const { quota = {} } = content
  return (
    <>
      <Facts
        of={[
          [
            'contract.purpose',
            <bdi key="purpose" class="wrap">
              {content.purpose}
            </bdi>,
          ],
          [
            'contract.legalBasis',
            <bdi key="law" class="wrap">
              {content.legalBasis}
            </bdi>,
          ],
          ['contract.logLevel', text(`contract.log.${content.logLevel}` as TextKey)],
          ['contract.retention', text('contract.days', { count: content.retentionDays })],
          ['contract.quota', quotaOf(quota)],
          ['contract.consent', <Consent key="consent" of={content.consent} />],
          ['contract.preview', <Preview key="preview" of={content.preview} />],
          ['contract.secret', <Secret key="secret" of={content.secret} Party={Party} />],
          ['contract.grace', graceOf(content)],
          ['contract.hash', <Copyable key="hash" value={contentHash} label={text('contract.hash')} />],
        ]}
      />
      <h3>{text('contract.services')}</h3>
      <ul class="plain-list ruled">
        {content.services.map((service) => (
          <li key={service.serviceCode}>
            <ServiceTerms of={service} />
          </li>
        ))}
      </ul>
      <h3>{text('contract.contacts')}</h3>
      <ul class="plain-list">
        {content.contacts.map(({ member, name, email }) => (
          <li key={`${member} ${email}`}>
            <bdi>{name}</bdi> · <bdi>{email}</bdi> <Party id={member} />
          </li>
        ))}
      </ul>
    </>
  )
}

/** Whether its parties agreed that it goes on when the registry is away. */
export function hasGrace({
  personalData,
  outageGraceHours,
  outageGracePersonalData,
  consent,
  preview,
}: Content): boolean {
  return (
    outageGraceHours > 0 &&
    (consent ?? preview) === undefined &&
    (!personalData || outageGracePersonalData === true)
  )
}

function graceOf(content: Content): string {
  const { personalData, outageGraceHours, outageGracePersonalData, consent, preview } = content
  if (outageGraceHours > 0 && (consent ?? preview) !== undefined) return text('contract.graceNotAsked')
  return personalData && outageGraceHours > 0 && outageGracePersonalData !== true
    ? text('contract.graceNotPersonal')
    : text('contract.hours', { count: outageGraceHours })
}

/** Whether the person whom a call is about sees the answer first. */
function Preview({ of }: { of: Content['preview'] }) {
  if (of === undefined) return <>{text('contract.preview.none')}</>
  return (
    <>
      {text('contract.preview.waits', { minutes: number(of.minutes) })}
      {of.services !== undefined && <Ids of={of.services} />}
    </>
  )
}

/** What the person whom a call is about has to have agreed to. */
function Consent({ of }: { of: ConsentRule | undefined }) {
  if (of === undefined) return <>{text('contract.consent.none')}</>
  const { proof, kinds, maxDays, dataLife, frequency, range, services, keptAt, attributes } = of
  const words = [
    text(`contract.consent.${proof}` as TextKey),
    ...kinds.map((kind) => text(`contract.consent.${kind}` as TextKey)),
    text('contract.consent.maxDays', { days: number(maxDays) }),
    text('contract.consent.kept', { span: spanOf(dataLife) }),
    ...(frequency === undefined ? [] : [oftenOf(frequency)]),
    ...(range === undefined ? [] : [text('contract.consent.reach', { span: spanOf(range) })]),
    ...(keptAt === undefined ? [] : [text('contract.consent.keptAt', { server: keptAt })]),
  ]
  return (
    <>
      {words.join('; ')}
      {services !== undefined && <Ids of={services} />}
      {attributes !== undefined && <AttestedTerms of={attributes} />}
    </>
  )
}

function oftenOf({ times, per }: NonNullable<ConsentRule['frequency']>): string {
  const unit = text(`contract.unit.${per}` as TextKey)
  return text('contract.consent.often', { times: number(times), per: unit })
}

function spanOf({ unit, value }: Span): string {
  return `${number(value)} ${text(`contract.unit.${unit}` as TextKey)}`
}

/** The members on whose servers auditors with the right role see the exchanges of a secret contract. */
function Secret({ of, Party }: { of: Content['secret']; Party: PartyView }) {
  if (of === undefined) return <>{text('common.no')}</>
  if (of.visibleTo.length === 0) return <>{text('contract.secretToAll')}</>
  return (
    <>
      {text('contract.secretBut')}
      <ul class="plain-list">
        {of.visibleTo.map((member) => (
          <li key={member}>
            <Party id={member} />
          </li>
        ))}
      </ul>
    </>
  )
}

function ServiceTerms({ of }: { of: Service }) {
  const { serviceCode, endpoints, requestFields, responseFields, dataSubject, representation } = of
  return (
    <>
      <strong>
        <bdi class="id">{serviceCode}</bdi>
      </strong>
      <Facts
        of={[
          [
            'contract.endpoints',
            <Ids key="endpoints" of={endpoints.map(({ method, path }) => `${method} ${path}`)} />,
          ],
          ['contract.requestFields', <Ids key="request" of={requestFields} />],
          ['contract.responseFields', <Ids key="response" of={responseFields} />],
          [
            'contract.dataSubject',
            dataSubject === undefined ? (
              text('common.none')
            ) : (
              <>
                {text(`contract.in.${dataSubject.in}` as TextKey)} <bdi class="id">{dataSubject.name}</bdi>
              </>
            ),
          ],
          ['contract.representation', <Represented key="represented" of={representation} />],
        ]}
      />
    </>
  )
}

function Represented({ of = { check: 'asserted' } }: { of: Service['representation'] }) {
  const { check, service, delegate, roles, answerSeconds = 0 } = of
  const word = text(`contract.represented.${check}` as TextKey)
  if (check !== 'mandateService') return <>{word}</>
  return (
    <>
      {word} <NameOf id={(service ?? '').replaceAll('/', ':')} />;{' '}
      {text(`contract.delegate.${delegate}` as TextKey)};{' '}
      {text('contract.answerSeconds', { count: answerSeconds })}
      <Ids of={roles} />
    </>
  )
}

function Ids({ of }: { of: string[] | undefined }) {
  if (of === undefined) return <>{text('contract.anyField')}</>
  return (
    <ul class="plain-list">
      {of.map((one) => (
        <li key={one}>
          <bdi class="id wrap">{one}</bdi>
        </li>
      ))}
    </ul>
  )
}

function quotaOf({ perSecond, burst, perDay }: NonNullable<Content['quota']>): string {
  const parts = [
    perSecond === undefined ? [] : [text('contract.perSecond', { count: perSecond })],
    burst === undefined ? [] : [text('contract.burst', { count: burst })],
    perDay === undefined ? [] : [text('contract.perDay', { count: perDay })],
  ].flat()
  return parts.length === 0 ? text('common.none') : parts.join(', ')
}
