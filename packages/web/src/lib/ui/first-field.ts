/** Puts the cursor into the first field of a dialog that opens; without a field, the dialog keeps its own choice. */
export function focusFirstField(event: Event, dialog: HTMLElement | null): void {
  const field = dialog?.querySelector<HTMLElement>('input, textarea, select')
  if (!field) return
  event.preventDefault()
  field.focus()
}
