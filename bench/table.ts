export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const rule = head.map((_, index) => (index === 0 ? '---' : '--:'))
  return [line(head), line(rule), ...rows.map(line)].join('\n')
}

export function ms(value: number): string {
  return value.toFixed(value < 10 ? 2 : 1)
}

export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`
}
