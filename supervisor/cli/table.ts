/** Rows as aligned columns, the first row as heading; the last column is not padded. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows
    .map((row) => row.map((text, column) => text.padEnd(widths[column])).join("  ").trimEnd())
    .join("\n");
}
