# the star of the default partition stays where its name is cut
for f in '%3P|%.3P|%P' %1P '%5P|%.5P|%12P|%.12P' '%2R|%.2R'; do sinfo -o "$f"; done
sinfo -O partition:3,partition:.4
