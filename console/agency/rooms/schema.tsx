/**
 * What the data of an event type look like: its properties as a list, and the whole JSON Schema folded, for
 * whoever writes programs.
 */
import { Rows } from '../../kit/rows.tsx'
import { text } from '../../kit/text.ts'
import { type Properties, type Property, propertiesOf, type TypeWord } from './schema-properties.ts'

export function Schema({ of }: { of: object | null }) {
  if (of === null) return <p>{text('rooms.noSchema')}</p>
  const found = propertiesOf(of)
  return (
    <>
      {found.rows.length === 0 ? (
        <p>{text(found.isWhole ? 'schema.none' : 'schema.more')}</p>
      ) : (
        <Listed of={found} />
      )}
      <details>
        <summary>{text('rooms.showSchema')}</summary>
        <p class="id wrap">
          <bdi>{JSON.stringify(of, null, 2)}</bdi>
        </p>
      </details>
    </>
  )
}

function Listed({ of: { rows, isWhole } }: { of: Properties }) {
  return (
    <>
      <Rows<Property>
        caption={text('rooms.schema')}
        rows={rows}
        rowKey={({ name }) => name}
        columns={[
          { title: 'common.name', cell: ({ name }) => <bdi class="id wrap">{name}</bdi> },
          { title: 'schema.type', cell: (one) => typeText(one) },
          { title: 'schema.required', cell: ({ required }) => text(required ? 'common.yes' : 'common.no') },
          { title: 'schema.words', cell: (one) => <Words of={one} /> },
        ]}
      />
      {!isWhole && <p>{text('schema.more')}</p>}
    </>
  )
}

function typeText({ types, of, fitsNone }: Property): string {
  if (fitsNone) return text('schema.fitsNone')
  const said = types.map((type) =>
    type === 'array' && of.length > 0 ? text('schema.listOf', { type: wordsOf(of) }) : wordsOf([type]),
  )
  return said.length === 0 ? text('schema.anything') : said.join(', ')
}

function wordsOf(types: TypeWord[]): string {
  return types.map((type) => text(`schema.type.${type}`)).join(', ')
}

/** In a row the first is what the property means, the others what it may be. */
function Words({ of: { words, values, format } }: { of: Property }) {
  return (
    <>
      {words.map((one) => (
        <p key={one}>
          <bdi class="wrap">{one}</bdi>
        </p>
      ))}
      {values.length > 0 && (
        <p class="beside">
          {text('schema.oneOf')} <bdi class="wrap">{values.join(', ')}</bdi>
        </p>
      )}
      {format !== undefined && (
        <p class="beside">
          {text('schema.format')} <bdi class="id wrap">{format}</bdi>
        </p>
      )}
    </>
  )
}
