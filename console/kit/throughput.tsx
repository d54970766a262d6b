/** How fast long work goes, and how long it will go on so. */
import { number, text } from './text.ts'
import { lasting } from './time.tsx'

export function Throughput({ perSecond, seconds }: { perSecond: number; seconds: number }) {
  return (
    <p class="beside">
      {text('kit.throughput', { rate: number(Math.round(perSecond)), left: lasting(seconds * 1000) })}
    </p>
  )
}
