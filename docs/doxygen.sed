# How Doxygen gets to read the public headers and the pages beside them; the number of lines stays,
# so that its warnings point at the source.

# A labelled line becomes a paragraph under its label, by the aliases in Doxyfile.
s,^( *///) (Promise|Needs|Threads|Blocks|Errors|Source): +,\1 @\L\2\E ,

# A line that begins with the end of a sentence, such as "503. ", is no list.
s,^( *///) +([0-9]+)\. ,\1 \2\\. ,

# Doxygen 1.9 takes a digit separator for the beginning of a character, and loses its place.
s,([0-9])'([0-9]),\1\2,g

# Pages that are no part of the reference are named and not linked; decisions are part of it.
s,\[([^]]*)\]\((\.\./)*[A-Za-z-]+\.md[^)]*\),\1,g
