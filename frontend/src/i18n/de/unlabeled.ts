/** Was aus Bildern ohne Befund wurde, auf Deutsch (learning/services/unlabeled.py). */
export const unlabeled = {
  'target.section.unlabeled': 'Bilder ohne Befund',
  'target.section_help.unlabeled':
    'Auch offene Fälle von Trainingspatienten können etwas lehren. Jede Runde trainiert dann ein zweites Mal ohne sie, was länger dauert, und behält ihren Beitrag nur, wenn er das an den Validierungspatienten um mehr als Zufall übertrifft; sonst bleiben sie weg, bis sie hier wieder gewählt werden.',
  'knob.unlabeled': 'aus Bildern ohne Befund lernen durch',
  'knob.unlabeled.none': 'gar nicht',
  'knob.unlabeled.pseudo_labels': 'Pseudo-Labels',
  'knob.unlabeled.mean_teacher': 'Mean Teacher',
  'knob.unlabeled_per_label': 'Bilder ohne Befund je befundetem',
  'knob.unlabeled_weight': 'Gewicht dessen, was sie lehren',
  'knob.unlabeled_ramp': 'Anteil der Schritte bis zum vollen Gewicht',
  'knob.unlabeled_gate': 'kleinste Wahrscheinlichkeit eines Pseudo-Labels',
  'unlabeled.title': 'Haben Bilder ohne Befund geholfen?',
  'unlabeled.kept': 'Bilder ohne Befund haben geholfen: {figure} {difference} bei der Validierung; sie bleiben dabei',
  'unlabeled.left_off': 'Bilder ohne Befund haben nicht geholfen: {figure} {difference} bei der Validierung; weggelassen',
  'unlabeled.not_told': 'Ob Bilder ohne Befund geholfen haben, ließ sich bei der Validierung nicht sagen; weggelassen',
  'unlabeled.failed': 'Das Training mit Bildern ohne Befund ist gescheitert ({reason}); weggelassen',
  'unlabeled.few_patients': 'Bilder ohne Befund wurden nicht versucht: zu wenige Validierungspatienten, um zu sagen, ob sie helfen',
  'unlabeled.few_of_rarest':
    'Bilder ohne Befund wurden nicht versucht: zu wenige Validierungspatienten mit der seltensten Antwort, um zu sagen, ob sie helfen',
  'unlabeled.one_answer': 'Bilder ohne Befund wurden nicht versucht: die Validierungsfälle können nicht sagen, ob sie helfen',
  'unlabeled.no_images': 'Bilder ohne Befund wurden nicht versucht: kein offener Fall eines Trainingspatienten war brauchbar',
  'unlabeled.beside':
    '{with} mit {images} Bildern ohne Befund von {patients} Patienten, {without} beim selben Training ohne sie ({method}). {cases} Validierungsfälle von {judges} Patienten.',
  'unlabeled.later': 'Die nächsten Runden trainieren ohne sie. In den Einstellungen lassen sie sich wieder einschalten.',
  'unlabeled.training_1': 'erstes Training, nur Bilder mit Befund',
  'unlabeled.training_2': 'zweites Training, auch Bilder ohne Befund',
  'unlabeled.loss_training': 'Derselbe mit Bildern ohne Befund (Befunde und Lehrer)',
  'unlabeled.loss_validation': 'Verlust auf Validierungsbildern mit Bildern ohne Befund',
}
