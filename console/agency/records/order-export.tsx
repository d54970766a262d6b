/**
 * Orders an export of everything that matches the search: rows for every auditor, bundles for those who may
 * see content.
 */
import { Act } from '../../kit/act.tsx'
import { Link } from '../../kit/address.tsx'
import { useConsole, useMay } from '../../kit/context.ts'
import { text } from '../../kit/text.ts'

export function OrderExport({ filter }: { filter: Record<string, string> }) {
  const { api } = useConsole()
  const mayBundle = useMay('downloadEvidenceBundle')
  const formats = ['csv', 'jsonl', ...(mayBundle ? ['bundles'] : [])] as const
  const titles = { csv: 'exports.csv', jsonl: 'exports.jsonl', bundles: 'exports.bundles' } as const
  const { failed, upkeep, ...rest } = filter
  return (
    <Act<{ id: string }>
      operation="orderExport"
      button={text('exports.order')}
      look="primary"
      reads
      title={text('exports.order')}
      consequence={<p>{text(mayBundle ? 'exports.consequenceContent' : 'exports.consequence')}</p>}
      fields={[
        {
          name: 'format',
          title: 'exports.format',
          type: 'select',
          initial: 'csv',
          options: formats.map((value) => ({ value, title: text(titles[value as keyof typeof titles]) })),
        },
        {
          name: 'case',
          title: 'why.case',
          hint: mayBundle ? 'exports.caseHint' : 'why.caseHint',
          required: false,
          maxLength: 100,
        },
        { name: 'reason', title: 'why.reason', required: false, maxLength: 500 },
      ]}
      send={({ format, case: number, reason }) =>
        api.call('orderExport', {
          body: {
            format,
            filter: {
              ...rest,
              ...(failed !== undefined && { failed: failed === 'true' }),
              ...(upkeep !== undefined && { upkeep: upkeep === 'true' }),
            },
            ...(String(number).trim() === '' ? {} : { case: String(number).trim() }),
            ...(String(reason).trim() === '' ? {} : { reason: String(reason).trim() }),
          },
        })
      }
      result={() => (
        <p>
          {text('exports.ordered')} <Link to="/exports">{text('exports.title')}</Link>
        </p>
      )}
    />
  )
}
