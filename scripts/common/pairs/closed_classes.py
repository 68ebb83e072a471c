"""English function words: the closed classes, written by hand, with the pieces of contractions."""

CLASSES = {
    "determiner": "a an the this that these those each every either neither some any no another "
    "both all half such what which whose my your his her its our their many much few several",
    "pronoun": "i you he she it we they me him us them mine yours hers ours theirs myself yourself "
    "himself herself itself ourselves yourselves themselves who whom someone somebody something "
    "anyone anybody anything everyone everybody everything nobody nothing none one ones",
    "preposition": "of in to for with on at by from up about into over after under between out "
    "through during before around against without within along across behind beyond near off "
    "down above below beside besides inside outside upon toward towards onto per via than like as "
    "opposite beneath among amid despite except until till since",
    "conjunction": "and but or nor so yet if because while although though unless whether when "
    "where why how whereas",
    "auxiliary": "be am is are was were been being have has had having do does did doing will "
    "would shall should can could may might must ought cannot",
    "particle": "not there here then now very too also just only quite rather",
    "contraction": "s t d m ll ve re n't 's 't 'd 'm 'll 've 're don doesn didn isn aren wasn "
    "weren hasn haven hadn won wouldn shouldn couldn",
}
FUNCTION_WORDS = sorted({word for words in CLASSES.values() for word in words.split()})
